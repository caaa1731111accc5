// The stored runs as streams, and what Python says of them (test_modules.py); and the modules under test.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

export const { runs, maths, addressKeys, lessonFacts } = JSON.parse(readFileSync(process.env.FIXTURES, "utf-8"));
export const load = (name) => import(pathToFileURL(`${process.env.MODULES}/${name}.js`));
