// The worker of the page: it computes what takes long, one message after the other.

import { finish } from "./engine/finish.js";
import { normsOf } from "./engine/norms.js";

addEventListener("message", ({ data }) => postMessage(finish(normsOf(data.input))));
