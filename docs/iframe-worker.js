// The search of the site runs in a worker. A page that was opened from the disk may not start one.
// There, a hidden frame takes its place: it loads the same script, and has the same messages.

class FrameWorker extends EventTarget {
  /** @param {string} url */
  constructor(url) {
    super();
    this.frame = document.createElement("iframe");
    this.frame.hidden = true;
    document.body.append(this.frame);
    const inside = this.inside();
    /** @type {(address: string) => Promise<unknown>} */
    const load = (address) =>
      new Promise((resolve, reject) => {
        const script = inside.document.createElement("script");
        Object.assign(script, { src: address, onload: resolve, onerror: reject });
        inside.document.head.append(script);
      });
    Object.assign(inside, {
      postMessage: (/** @type {unknown} */ data) => this.dispatchEvent(new MessageEvent("message", { data })),
      importScripts: (/** @type {string[]} */ ...addresses) => Promise.all(addresses.map(load)),
    });
    this.ready = load(url);
  }

  inside() {
    if (!this.frame.contentWindow) throw new Error("expected a frame in the page, got none");
    return this.frame.contentWindow;
  }

  /** @param {unknown} data */
  async postMessage(data) {
    await this.ready;
    this.inside().dispatchEvent(new MessageEvent("message", { data }));
  }

  terminate() {
    this.frame.remove();
  }
}

if (location.protocol === "file:") Object.assign(window, { Worker: FrameWorker });
