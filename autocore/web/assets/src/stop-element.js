// The stop on every page, without leaving the page, and the banner that stays until somebody resets it.
import { live } from "./live.js";

class StoppedElement extends HTMLElement {
  connectedCallback() {
    this.banner = this.querySelector(".banner");
    this.stop = live.watch(this.getAttribute("entity"), (state) => this.show(state.value === true));
  }

  disconnectedCallback() {
    this.stop?.();
  }

  show(isStopped) {
    if (!isStopped) this.querySelector("[data-who]").textContent = "";
    this.banner.hidden = !isStopped;
    this.parentElement.classList.toggle("is-stopped", isStopped);
  }
}

// Over HTTP, which needs no live socket. Where that fails the form is sent as it is, and the browser says what is wrong.
async function stop(event) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/api/v1/services/gateway/stop_all", { method: "POST", body: "{}", keepalive: true });
    if (!answer.ok) throw new Error(answer.statusText);
    document.querySelector("ac-stopped")?.show(true);
  } catch {
    event.target.submit();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

for (const form of document.querySelectorAll("[data-stop]")) form.addEventListener("submit", stop);
customElements.define("ac-stopped", StoppedElement);
