// The page of `rnn-parity explain`. For the text of the command it shows the recorded results of NumPy and PyTorch. For
// any other text, and after any change of the weights, it shows the results of its own engine, in float64.
//
// This module comes last: it knows all panels. The engine (engine/) knows nothing of the page. What was recorded is in
// record/, what the page shows now in state/.

import { guidePanel, startGuide } from "./guide/guide.js";
import { heroPanel } from "./hero/hero.js";
import { beginningPanel } from "./panels/beginning.js";
import { checkpointsPanel } from "./panels/checkpoints.js";
import { controlsPanel } from "./panels/controls.js";
import { backwardPanel } from "./panels/flow/flow.js";
import { gamePanel } from "./panels/game/game.js";
import { lessonPanel } from "./panels/lesson.js";
import { livePanel, typingPanel } from "./panels/live.js";
import { matrixPanel } from "./panels/matrix/matrix.js";
import { memoryPanel } from "./panels/memory.js";
import { setUpFolding, setUpNetworks } from "./panels/page.js";
import { parityPanel } from "./panels/parity.js";
import { pointingPanel } from "./panels/pointing.js";
import { clippingPanel } from "./panels/reach/clipping.js";
import { reachPanel } from "./panels/reach/reach.js";
import { scanPanel } from "./panels/scan/scan.js";
import { stepPanel } from "./panels/step/step.js";
import { unrolledPanel } from "./panels/unrolled.js";
import { weightPanel } from "./panels/weight.js";
import { spaces } from "./pictures/sizes.js";
import { unpackCheckpoints } from "./record/unpack.js";
import { read } from "./state/read.js";
import { drawAll, redraw, setUpDrawing } from "./state/redraw.js";
import { rnnParity } from "./state/script_interface.js";
import { live } from "./state/state.js";
import { networkOfAddress, takeWeights } from "./state/weights.js";

/** All panels, from the top of the page to its end. */
const PANELS = [
  beginningPanel,
  controlsPanel,
  guidePanel,
  heroPanel,
  typingPanel,
  livePanel,
  unrolledPanel,
  stepPanel,
  backwardPanel,
  reachPanel,
  clippingPanel,
  memoryPanel,
  lessonPanel,
  scanPanel,
  matrixPanel,
  weightPanel,
  checkpointsPanel,
  parityPanel,
  gamePanel,
  pointingPanel,
];

async function begin() {
  await unpackCheckpoints();
  live.ofAddress = networkOfAddress();
  takeWeights();
  read();
  for (const { setUp } of PANELS) setUp?.();
  setUpNetworks();
  setUpFolding();
  setUpDrawing(PANELS);
  drawAll();
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    spaces.clear();
    if (window.innerWidth !== width) redraw("*");
    width = window.innerWidth;
  });
  document.documentElement.dataset.ready = "true";
  if (location.hash === "#small-guide") startGuide();
}

Object.assign(globalThis, { rnnParity });
begin();
