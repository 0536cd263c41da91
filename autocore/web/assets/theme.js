// Light or dark, before the first paint: what the person chose here, else what the system says.
const chosen = localStorage.getItem("autocore-theme");
const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
