// Asks a person for the word or the PIN without which something protected does not move.
import { live } from "./live.js";

const dialog = document.getElementById("ask");
const ASKS = new Set(["confirm_required", "pin_required"]);

// Opens the dialog for a refusal; gives what is to be sent along, or null when the person would rather not.
export async function answerTo(result) {
  if (!dialog || !ASKS.has(result.code) || dialog.open) return null;
  const wantsPin = result.code === "pin_required";
  const pin = dialog.querySelector("input");
  dialog.querySelector("[data-what]").textContent = result.name;
  dialog.querySelector("[data-pin]").hidden = !wantsPin;
  pin.required = wantsPin;
  pin.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  const said = dialog.returnValue === "yes" ? (wantsPin ? { pin: pin.value } : { confirm: true }) : null;
  pin.value = "";
  return said;
}

// Calls a service, and once more with the person's answer when it asks for one.
export async function call(service, data, name) {
  const result = await live.call(service, data);
  const said = await answerTo({ ...result, name });
  return said ? live.call(service, { ...data, ...said }) : result;
}
