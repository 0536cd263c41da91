// What every page loads: htmx for actions, one live socket, and the elements that show it.
import "htmx.org";
import "./src/elements.js";
import "./src/chart-element.js";
import "./src/events-element.js";
import "./src/export-element.js";
import "./src/history-element.js";
import "./src/hold-element.js";
import { live } from "./src/live.js";
import "./src/shell.js";
import "./src/stop-element.js";
import "./src/strength.js";

if (document.body.dataset.live === "yes") live.connect();
