// Python in a worker of its own: it loads, answers one request after the other, and can be stopped.

import { $ } from "../../../files/page.js";

/** @import { Answers, Message, Progress, SiteFile } from "./site.js" */

const BASE = new URL(".", location.href).href;

export class Stopped extends Error {}

export class Python {
  /**
   * The worker loads `files`; `show` gets what it tells beside its answers.
   * @param {SiteFile[]} files
   * @param {(progress: Progress) => void} show
   */
  constructor(files, show) {
    this.files = files;
    this.show = show;
    /**
     * The end of the last request.
     * @type {Promise<unknown>}
     */
    this.turn = Promise.resolve();
    /** @type {{ resolve: (answer: unknown) => void, reject: (error: Error) => void } | null} */
    this.waiting = null;
    this.worker = this.start();
    this.ready = this.load();
  }

  start() {
    const url = URL.createObjectURL(new Blob([$("worker").textContent], { type: "text/javascript" }));
    const worker = new Worker(url);
    worker.onmessage = ({ data }) => this.receive(data);
    worker.onerror = (event) => this.finish(new Error(event.message || "the worker ended"));
    return worker;
  }

  /** Let the worker load. */
  load() {
    const ready = this.send({ work: "load", base: BASE, files: this.files });
    ready.catch(() => {}); // each request waits for it, and fails with it
    return ready;
  }

  /**
   * @template {Message} M
   * @param {M} message
   * @returns {Promise<Answers[M["work"]]>}
   */
  send(message) {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve: (answer) => resolve(/** @type {Answers[M["work"]]} */ (answer)), reject };
      this.worker.postMessage(message);
    });
  }

  /** @param {{ answer: unknown } | { failed: string, isFatal: boolean } | Progress} data */
  receive(data) {
    if ("answer" in data) this.finish(null, data.answer);
    else if ("failed" in data) {
      if (data.isFatal) this.stop(); // Python itself has ended
      this.finish(new Error(data.failed));
    } else this.show(data);
  }

  /** @type {(error: Error | null, answer?: unknown) => void} */
  finish(error, answer) {
    const { resolve, reject } = this.waiting ?? {};
    this.waiting = null;
    if (error) reject?.(error);
    else resolve?.(answer);
  }

  /**
   * Ask for an answer, after those that were asked for before.
   * @template {Message} M
   * @param {M} message
   * @returns {Promise<Answers[M["work"]]>}
   */
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
    this.worker = this.start();
    this.ready = this.load();
  }
}
