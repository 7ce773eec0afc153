import { setUpTheme } from "../files/page.js";

setUpTheme(() => {});
