/** Changes with the files. */
export const VERSION = "";

/**
 * The names of the files that the browser keeps. `make site` puts both in the place of this module.
 * @type {string[]}
 */
export const FILES = [];
