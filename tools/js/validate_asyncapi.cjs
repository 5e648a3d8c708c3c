// Print what @asyncapi/parser says of a document, as JSON: a list of {severity, path, message}; severity 0 is an error.
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");

const [folder, file] = process.argv.slice(2);
const { Parser } = createRequire(folder + "/")("@asyncapi/parser");

new Parser().validate(readFileSync(file, "utf-8")).then((diagnostics) => {
  const told = diagnostics.map(({ severity, path, message }) => ({ severity, path: path.join("/"), message }));
  process.stdout.write(JSON.stringify(told));
});
