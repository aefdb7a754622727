// The published schema, held by a validator that knows nothing of siospec.
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import { read } from "./support.mjs";

const schema = JSON.parse(readFileSync(new URL("../../reports/result.schema.json", import.meta.url), "utf8"));
const validate = new Ajv({ allErrors: false, validateFormats: false, strict: false }).compile(schema);

for (const name of ["sample.json", "hostile.json"]) {
  test(`${name} fits the schema`, () => {
    assert.ok(validate(JSON.parse(read(name))), JSON.stringify(validate.errors));
  });
}

test("the schema refuses what is no result", () => {
  const changes = {
    "a verdict that there is not": (result) => { result.cases[0].verdict = "nope"; },
    "no cases": (result) => { delete result.cases; },
    "another version": (result) => { result.schema_version = 2; },
    "a record of another form": (result) => { result.cases.find((c) => c.record.entries.length).record.entries[0].event = { seen: 1 }; },
    "a total that is no number": (result) => { result.totals.pass = "all"; },
  };
  for (const [name, change] of Object.entries(changes)) {
    const result = JSON.parse(read("sample.json"));
    change(result);
    assert.equal(validate(result), false, name);
  }
});
