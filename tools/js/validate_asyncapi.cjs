// Print what @asyncapi/parser says of each document, as JSON: lists of {severity, path, message}; severity 0 is an error.
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");

const [folder, ...files] = process.argv.slice(2);
const { Parser } = createRequire(folder + "/")("@asyncapi/parser");

async function told(file) {
  const diagnostics = await new Parser().validate(readFileSync(file, "utf-8"));
  return diagnostics.map(({ severity, path, message }) => ({ severity, path: path.join("/"), message }));
}

Promise.all(files.map(told)).then((all) => process.stdout.write(JSON.stringify(all)));
