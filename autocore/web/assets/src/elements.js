// The elements that pages are made of: a value, a switch, a count, the devices that are there.
import { call } from "./ask.js";
import { live } from "./live.js";
import { convert, duration, number, say, sayCode } from "./words.js";

class StateElement extends HTMLElement {
  connectedCallback() {
    this.stop = live.watch(this.getAttribute("entity"), (state) => this.show(state));
  }

  disconnectedCallback() {
    this.stop?.();
  }

  show(state) {
    const value = this.querySelector(".value");
    const note = this.querySelector(".note");
    if (value) value.textContent = this.text(state.value);
    this.classList.toggle("is-stale", !state.available);
    if (note) note.textContent = state.available ? "" : say(state.value == null ? "unknown" : "unavailable");
  }

  text(value) {
    if (value == null) return "–";
    if (typeof value === "boolean") return say(value ? "on" : "off");
    if (typeof value === "object") return `${value.latitude.toFixed(5)}, ${value.longitude.toFixed(5)}`;
    if (typeof value !== "number") return value;
    if (this.getAttribute("format") === "duration") return duration(value);
    const own = this.getAttribute("precision");
    const [shown, unit] = convert(value, this.getAttribute("unit"));
    const precision = own ?? (unit === this.getAttribute("unit") ? null : 1);
    return number(shown, precision == null ? null : Number(precision));
  }
}

// Shows what the board reported. Between a click and the report it says "asked", and never what was asked.
class SwitchElement extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector("button");
    this.word = this.querySelector(".word");
    this.refusal = this.querySelector(".refusal");
    this.pending = 0;
    this.button.addEventListener("click", () => this.ask());
    this.stop = live.watch(this.getAttribute("entity"), (state) => this.show(state));
  }

  disconnectedCallback() {
    this.stop?.();
  }

  show(state) {
    this.state = state;
    const isOn = state.available && state.value === true;
    this.button.setAttribute("aria-checked", String(isOn));
    this.button.disabled = !state.available;
    if (!this.pending) this.word.textContent = state.available ? say(isOn ? "on" : "off") : say("unavailable");
  }

  async ask() {
    this.refusal.textContent = "";
    if (!live.isOpen || !this.state) {
      this.refusal.textContent = say("code_closed");
      return;
    }
    this.pending += 1;
    this.button.setAttribute("aria-busy", "true");
    this.word.textContent = say("asked");
    const verb = this.state.value === true ? "turn_off" : "turn_on";
    const result = await call(`switch.${verb}`, { entity: this.getAttribute("entity") }, this.button.getAttribute("aria-label"));
    this.pending -= 1;
    if (!this.pending) this.button.removeAttribute("aria-busy");
    if (!result.ok) this.refusal.textContent = sayCode(result.code) ?? result.detail;
    this.show(this.state);
  }
}

class CountElement extends HTMLElement {
  connectedCallback() {
    this.on = new Set();
    this.stops = (this.getAttribute("entities") || "")
      .split(",")
      .filter(Boolean)
      .map((id) => live.watch(id, (state) => this.show(state)));
  }

  disconnectedCallback() {
    for (const stop of this.stops) stop();
  }

  show(state) {
    if (state.available && state.value === true) this.on.add(state.id);
    else this.on.delete(state.id);
    this.textContent = number(this.on.size, 0);
  }
}

class DevicesElement extends HTMLElement {
  connectedCallback() {
    live.watchEvents("device.*");
    this.listen = (event) => event.detail.type.startsWith("device.") && this.refresh();
    live.addEventListener("event", this.listen);
  }

  disconnectedCallback() {
    live.removeEventListener("event", this.listen);
  }

  async refresh() {
    const answer = await fetch("/api/v1/devices");
    if (!answer.ok) return; // the banner tells of a lost connection; the last count stays until then
    const { items } = await answer.json();
    this.textContent = say("online_of", { online: items.filter((one) => one.status === "online").length, all: items.length });
  }
}

customElements.define("ac-state", StateElement);
customElements.define("ac-switch", SwitchElement);
customElements.define("ac-count", CountElement);
customElements.define("ac-devices", DevicesElement);
