// All tests in one process, so that they share a browser.
import "./overview.test.mjs";
import "./case.test.mjs";
import "./accessible.test.mjs";
import "./hostile.test.mjs";
import "./real.test.mjs";
import "./schema.test.mjs";
