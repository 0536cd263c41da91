// Light or dark, before the first paint: a look or a person's choice on the server stands above what was chosen here, and that
// above what the system says.
const root = document.documentElement;
if (!("look" in root.dataset) && !("colours" in root.dataset)) {
  const chosen = localStorage.getItem("autocore-theme");
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.bsTheme = dark ? "dark" : "light";
}
