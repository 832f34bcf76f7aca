// Builds the package into a folder, as modules and for `require`: node build.mjs dist
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? join(here, "dist");
const [esm, cjs] = [join(folder, "esm"), join(folder, "cjs")];

const { config } = ts.readConfigFile(join(here, "tsconfig.json"), ts.sys.readFile);
const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, here);
const program = ts.createProgram(fileNames, { ...options, outDir: esm });
const problems = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
if (problems.length > 0) {
  console.error(ts.formatDiagnostics(problems, ts.createCompilerHost(options)));
  process.exit(1);
}

// The types are the same; what runs is written again for `require`.
cpSync(esm, cjs, { recursive: true, filter: (path) => !path.endsWith(".js") });
mkdirSync(cjs, { recursive: true });
for (const name of readdirSync(join(here, "src"))) {
  const text = readFileSync(join(here, "src", name), "utf8");
  const compilerOptions = { ...options, module: ts.ModuleKind.CommonJS };
  const { outputText } = ts.transpileModule(text, { compilerOptions });
  writeFileSync(join(cjs, name.replace(/ts$/, "js")), outputText);
}
for (const [path, type] of [[esm, "module"], [cjs, "commonjs"]]) {
  writeFileSync(join(path, "package.json"), JSON.stringify({ type }));
}
