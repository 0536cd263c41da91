// The words that scripts say, translated by the server, and numbers as the page's language writes them.
const words = JSON.parse(document.getElementById("words")?.textContent || "{}");
export const language = document.documentElement.lang || "en";

export function say(name, facts = {}) {
  return (words[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => facts[key] ?? whole);
}

// The words for a refusal's code, or undefined where only the gateway's own sentence can tell.
export function sayCode(code) {
  return words[`code_${code}`];
}

export function number(value, precision) {
  const digits = precision == null ? { maximumFractionDigits: 6 } : { minimumFractionDigits: precision, maximumFractionDigits: precision };
  return new Intl.NumberFormat(language, digits).format(value);
}

const conversions = JSON.parse(document.getElementById("units")?.textContent || "{}");

// A value and its unit as this person reads them; inside everything is metric.
export function convert(value, unit) {
  const found = conversions[unit];
  return found ? [value * found[1] + found[2], found[0]] : [value, unit];
}

// 93784 s reads as 1 d 2 h, 75 s as 1 min 15 s: the two largest units.
export function duration(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let rest = Math.max(0, Math.floor(seconds));
  const parts = [];
  for (const [unit, size] of units) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount || (unit === "s" && !parts.length)) parts.push(`${amount} ${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

/** The name of an entity in the reader's language, as the page wrote it beside the chart; undefined when it did not. */
export function nameIn(element, id) {
  try {
    return JSON.parse(element.dataset.names || "{}")[id];
  } catch {
    return undefined;
  }
}
