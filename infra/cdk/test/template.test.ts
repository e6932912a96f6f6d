import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { settingOf } from '../lib/parameters';
import { loadTemplate, TEMPLATE_FILE } from '../lib/template';
import { SETTINGS_FILE, settingsSource, translated } from '../scripts/template';

const STALE = 'is stale: run `npm run template`';

test('the committed template is what the SAM transform makes of template.yaml', () => {
  assert.ok(readFileSync(TEMPLATE_FILE, 'utf8') === translated(), `template.json ${STALE}`);
});

test('the committed settings are what the parameters of the template say', () => {
  assert.ok(readFileSync(SETTINGS_FILE, 'utf8') === settingsSource(loadTemplate()), `lib/settings.ts ${STALE}`);
});

test('every parameter is a setting with its description and default', () => {
  const settings = readFileSync(SETTINGS_FILE, 'utf8');
  for (const [name, parameter] of Object.entries(loadTemplate().Parameters)) {
    assert.match(settings, new RegExp(`readonly ${settingOf(name)}\\?: `));
    assert.ok(settings.includes(parameter.Description), `${name} is not described`);
    assert.notEqual(parameter.Default, undefined, `${name} has no default, so a setting could not be left out`);
  }
});
