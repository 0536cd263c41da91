// A button that is on only while it is pressed. It is let go by whatever may mean that the thumb is gone.
import { answerTo } from "./ask.js";
import { live } from "./live.js";
import { say, sayCode } from "./words.js";

const KEYS = new Set([" ", "Enter"]);
const PRIMARY = 0; // the button of a mouse
const ARMED_MS = 20000; // after a word or a PIN it can be held for so long without another

class HoldElement extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector("button");
    this.word = this.querySelector(".word");
    this.refusal = this.querySelector(".refusal");
    this.over = new AbortController(); // of every listener, when the element leaves the page
    const on = (target, names, act) => {
      for (const name of names) target.addEventListener(name, act, { signal: this.over.signal });
    };
    on(this.button, ["pointerdown"], (event) => this.#pressed(event));
    on(this.button, ["keydown"], (event) => this.#keyed(event));
    on(this.button, ["keyup"], (event) => KEYS.has(event.key) && this.letGo());
    on(this.button, ["pointerup", "pointercancel", "lostpointercapture", "blur"], () => this.letGo());
    on(this.button, ["contextmenu"], (event) => event.preventDefault()); // a thumb that stays asks for it on a phone
    on(window, ["blur", "pagehide", "freeze"], () => this.letGo());
    on(document, ["visibilitychange", "freeze"], () => document.hidden && this.letGo());
    this.stop = live.watch(this.getAttribute("entity"), (state) => this.show(state));
  }

  disconnectedCallback() {
    this.letGo();
    this.over.abort();
    this.stop?.();
  }

  show(state) {
    this.state = state;
    const isOn = state.available && state.value === true;
    this.button.setAttribute("aria-pressed", String(isOn));
    this.button.disabled = !state.available;
    if (!this.release || isOn) this.word.textContent = state.available ? say(isOn ? "on" : "off") : say("unavailable");
  }

  hold() {
    if (this.release || this.button.disabled) return;
    this.refusal.textContent = "";
    this.word.textContent = say("asked");
    this.classList.add("is-held");
    this.release = live.hold(this.getAttribute("entity"), (result) => this.#ended(result), this.said);
  }

  letGo() {
    this.release?.();
  }

  #ended(result) {
    this.release = null;
    this.classList.remove("is-held");
    if (!result.ok) this.#refused(result);
    else if (result.reason !== "released") this.refusal.textContent = say("let_go");
    if (this.state) this.show(this.state);
  }

  // A hand cannot hold and answer: the answer arms the button, and the next press holds.
  async #refused(result) {
    this.refusal.textContent = sayCode(result.code) ?? result.detail;
    this.said = undefined;
    clearTimeout(this.disarm);
    const said = await answerTo({ ...result, name: this.button.querySelector(".unseen")?.textContent });
    if (!said) return;
    this.said = said;
    this.refusal.textContent = say("armed");
    this.disarm = setTimeout(() => {
      this.said = undefined;
      this.refusal.textContent = "";
    }, ARMED_MS);
  }

  #pressed(event) {
    if (event.button !== PRIMARY) return;
    this.button.setPointerCapture(event.pointerId);
    this.hold();
  }

  #keyed(event) {
    if (!KEYS.has(event.key)) return;
    event.preventDefault();
    if (!event.repeat) this.hold();
  }
}

customElements.define("ac-hold", HoldElement);
