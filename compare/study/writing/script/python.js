// Python in a worker of its own: it loads, answers one request after the other, and can be stopped.

const BASE = new URL(".", location.href).href;

export class Stopped extends Error {}

export class Python {
  /** The worker loads `files`; `show` gets what it tells beside its answers. */
  constructor(files, show) {
    this.files = files;
    this.show = show;
    this.turn = Promise.resolve(); // of the last request
    this.begin();
  }

  /** Start a worker, and let it load. */
  begin() {
    const url = URL.createObjectURL(new Blob([$("worker").textContent], { type: "text/javascript" }));
    this.worker = new Worker(url);
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = (event) => this.finish(new Error(event.message || "the worker ended"));
    this.ready = this.send({ work: "load", base: BASE, files: this.files });
    this.ready.catch(() => {}); // each request waits for it, and fails with it
  }

  send(message) {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.worker.postMessage(message);
    });
  }

  receive(data) {
    if ("answer" in data) this.finish(null, data.answer);
    else if ("failed" in data) {
      if (data.isFatal) this.stop(); // Python itself has ended
      this.finish(new Error(data.failed));
    } else this.show(data);
  }

  finish(error, answer) {
    const { resolve, reject } = this.waiting ?? {};
    this.waiting = null;
    if (error) reject?.(error);
    else resolve?.(answer);
  }

  /** Ask for an answer, after those that were asked for before. */
  ask(message) {
    const answer = this.turn.then(async () => {
      await this.ready;
      return this.send(message);
    });
    this.turn = answer.catch(() => {});
    return answer;
  }

  /** End the worker, with what it does, and start another. */
  stop() {
    this.worker.terminate();
    this.finish(new Stopped("stopped"));
    this.begin();
  }
}
