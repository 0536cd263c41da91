// How strong a password is, in a word, while it is typed. The server decides; without a script the hint above the field must do.
const LEAST = 10;

function strength(text) {
  if (text.length < LEAST) return "short";
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((one) => one.test(text)).length;
  const words = text.split(/[\s_-]+/).filter((one) => one.length > 2).length;
  const variety = new Set(text.toLowerCase()).size;
  if (variety < 5) return "weak";
  if (words >= 3 || (text.length >= 14 && kinds >= 3)) return "good";
  return words >= 2 || kinds >= 3 || text.length >= 14 ? "fair" : "weak";
}

for (const said of document.querySelectorAll("[data-strength]")) {
  const input = document.getElementById(said.dataset.strength);
  input?.addEventListener("input", () => {
    const found = strength(input.value);
    said.hidden = input.value === "";
    said.className = `strength is-${found}`;
    said.textContent = said.dataset[found];
  });
}
