import { BUGS } from "./bugs_table.js";

/** @import { Network } from "./network.js" */

/**
 * Put the bug of this name into a network.
 * @type {(network: Network, name: string | undefined) => Network}
 */
export function withBug(network, name) {
  const { cell, ...methods } = BUGS[name ?? ""] ?? {};
  return Object.assign(network, methods, { cell: { ...network.cell, ...cell } });
}
