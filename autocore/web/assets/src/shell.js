// The frame of every page: light or dark, and the banner that tells at once when the connection is lost.
import { live } from "./live.js";
import { duration, say } from "./words.js";

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  button.addEventListener("click", () => {
    const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
    document.documentElement.dataset.bsTheme = next;
    localStorage.setItem("autocore-theme", next);
    document.dispatchEvent(new Event("themechange"));
  });
}

// Buttons that open a dialog, also those that came later.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
});

const banner = document.getElementById("lost");

function tellConnection() {
  if (!banner) return;
  const isLost = live.lostAt != null && !live.isOpen;
  banner.hidden = !isLost;
  document.body.classList.toggle("is-lost", isLost);
  if (isLost) banner.querySelector("span").textContent = say("lost_since", { age: duration((Date.now() - live.lostAt) / 1000) });
}

live.addEventListener("change", tellConnection);
setInterval(() => live.lostAt != null && tellConnection(), 1000);
