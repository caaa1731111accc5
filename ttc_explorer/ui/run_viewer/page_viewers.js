// What the components of the pages mount, by name.
import { mountComparison } from "./comparison.js";
import { mountRunViewer } from "./viewer.js";

export const viewers = { mountComparison, mountRunViewer };
