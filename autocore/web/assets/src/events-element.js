// The newest events, as they happen; bounded, and still while it is paused.
import { live } from "./live.js";
import { language } from "./words.js";

const KEPT = 100;

class EventsElement extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector("ol");
    this.field = this.querySelector("input");
    this.pause = this.querySelector("[data-pause]");
    this.pause?.addEventListener("click", () => {
      this.isPaused = !this.isPaused;
      this.pause.setAttribute("aria-pressed", String(this.isPaused));
    });
    live.watchEvents("*");
    this.listen = (event) => this.take(event.detail);
    live.addEventListener("event", this.listen);
  }

  disconnectedCallback() {
    live.removeEventListener("event", this.listen);
  }

  take(event) {
    const wanted = this.field?.value.trim() ?? "";
    if (this.isPaused || (wanted && !event.type.startsWith(wanted))) return;
    this.querySelector(".hint")?.remove();
    const line = document.createElement("li");
    const at = event.at ? new Date(event.at).toLocaleTimeString(language, { hour12: false }) : `#${event.seq}`;
    for (const [name, text] of [["time", at], ["strong", event.type], ["code", JSON.stringify(event.data)]]) {
      line.append(Object.assign(document.createElement(name), { textContent: text }), " ");
    }
    this.list.prepend(line);
    while (this.list.children.length > KEPT) this.list.lastElementChild.remove();
  }
}

customElements.define("ac-events", EventsElement);
