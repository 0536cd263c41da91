// Bundle the front end into autocore/web/static/dist: what pages load, nothing from outside the vehicle.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const assets = join(root, "autocore/web/assets");
const modules = join(root, "node_modules");
const target = join(root, "autocore/web/static/dist");
const fresh = `${target}.new`;

rmSync(fresh, { recursive: true, force: true });
mkdirSync(join(fresh, "swagger"), { recursive: true });

await build({
  entryPoints: readdirSync(assets)
    .filter((name) => /^[a-z]+\.(js|css)$/.test(name))
    .map((name) => join(assets, name)),
  outdir: fresh,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome100", "firefox100", "safari15.4"],
  legalComments: "none",
  logLevel: "warning",
});

// Only the icons that are named: one sprite, each a symbol that takes the colour of its text.
const symbols = readFileSync(join(assets, "icons.txt"), "utf8")
  .split("\n")
  .map((line) => line.trim())
  .filter((line) => line && !line.startsWith("#"))
  .map((name) => {
    const file = join(modules, "@tabler/icons/icons/outline", `${name}.svg`);
    if (!existsSync(file)) throw new Error(`icons.txt: Tabler has no icon ${name}`);
    const inside = readFileSync(file, "utf8").replace(/<!--[\s\S]*?-->/g, "").replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "");
    return `<symbol id="${name}" viewBox="0 0 24 24">${inside.replace(/\s+/g, " ").trim()}</symbol>`;
  });
writeFileSync(join(fresh, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`);

cpSync(join(assets, "mark.svg"), join(fresh, "mark.svg"));
for (const name of ["swagger-ui.css", "swagger-ui-bundle.js"]) {
  cpSync(join(modules, "swagger-ui-dist", name), join(fresh, "swagger", name));
}

// A page names each file with its hash, so that a browser may keep it for ever; beside each lies its compressed form.
const manifest = {};
for (const entry of readdirSync(fresh, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const file = join(entry.parentPath ?? entry.path, entry.name);
  const content = readFileSync(file);
  const outside = entry.name.endsWith(".css") && /url\(["']?(https?:)?\/\//.test(content.toString());
  if (outside) throw new Error(`${entry.name} would fetch something from outside the vehicle`);
  manifest[file.slice(fresh.length + 1)] = createHash("sha256").update(content).digest("hex").slice(0, 12);
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
}
writeFileSync(join(fresh, "manifest.json"), JSON.stringify(manifest, null, 1));

rmSync(target, { recursive: true, force: true });
renameSync(fresh, target);
