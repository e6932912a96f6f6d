import { Token } from 'aws-cdk-lib';
import type { Resource, Template } from './template';

/** Values of parameters. One that is missing, or a token, is known only at deployment. */
export type Values = Readonly<Record<string, string | number>>;

type Section = Readonly<Record<string, unknown>>;

interface Rule {
  readonly RuleCondition?: unknown;
  readonly Assertions: ReadonlyArray<{ readonly Assert: unknown; readonly AssertDescription: string }>;
}

/**
 * The template without the conditions and rules that its parameters' values decide: the branch of each `Fn::If` that is taken, only
 * the resources that there will be. What hangs on something known only at deployment stays.
 *
 * So a stack holds nothing that is never made, and equal settings have equal templates, by whatever way they came.
 *
 * @throws if the values break a rule of the template
 */
export function decided(template: Template, values: Values): Template {
  const conditions = new Conditions((template.Conditions ?? {}) as Section, values);
  const present = Object.entries(template.Resources).filter(([, { Condition: id }]) => conditions.of(id) !== false);
  const absent = Object.keys(template.Resources).filter((id) => !present.some(([other]) => other === id));
  const resources = present.map(([id, resource]) => [id, conditions.in(without(resource, conditions, absent))]);
  const outputs = Object.entries(template.Outputs as Template['Resources']).filter(([, output]) => conditions.of(output.Condition) !== false);
  const { Conditions: _, Rules: rules, ...rest } = template;
  return {
    ...rest,
    ...section('Rules', openRules((rules ?? {}) as Record<string, Rule>, conditions)),
    ...section('Conditions', conditions.open()),
    Resources: Object.fromEntries(resources) as Template['Resources'],
    Outputs: Object.fromEntries(outputs.map(([id, output]) => [id, conditions.in(without(output, conditions, absent))])),
  };
}

function section(name: string, entries: Section): Section {
  return Object.keys(entries).length === 0 ? {} : { [name]: entries };
}

/** An element without a condition that is met, and without dependencies on what will not be there. */
function without(element: Resource, conditions: Conditions, absent: string[]): Section {
  const { Condition: condition, DependsOn: dependencies, ...rest } = element;
  const others = [dependencies ?? []].flat().filter((id) => !absent.includes(String(id)));
  return {
    ...rest,
    ...(condition === undefined || conditions.of(condition) === true ? {} : { Condition: condition }),
    ...(others.length === 0 ? {} : { DependsOn: others }),
  };
}

function openRules(rules: Record<string, Rule>, conditions: Conditions): Section {
  const open = Object.entries(rules).filter(([, rule]) => {
    const applies = rule.RuleCondition === undefined ? true : conditions.reduced(rule.RuleCondition);
    const assertions = rule.Assertions.map(({ Assert: assertion }) => conditions.reduced(assertion));
    const broken = applies === true ? assertions.indexOf(false) : -1;
    if (broken >= 0) {
      throw new Error(rule.Assertions[broken]?.AssertDescription);
    }
    return applies !== false && !assertions.every((assertion) => assertion === true);
  });
  return Object.fromEntries(open);
}

/**
 * The conditions of a template, under some values of its parameters.
 *
 * The functions are those of https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html
 */
class Conditions {
  constructor(
    private readonly expressions: Section,
    private readonly values: Values,
  ) {}

  /** Whether a condition is met, by its id; undefined if only the deployment tells, true for no condition. */
  of(id: unknown): boolean | undefined {
    const result = id === undefined ? true : this.reduced({ Condition: id });
    return typeof result === 'boolean' ? result : undefined;
  }

  /** The conditions that only the deployment decides, reduced to what matters. */
  open(): Section {
    const reduced = Object.entries(this.expressions).map(([id, expression]) => [id, this.reduced(expression)] as const);
    return Object.fromEntries(reduced.filter(([, expression]) => typeof expression !== 'boolean'));
  }

  /** A value with each decided `Fn::If` replaced by the branch that is taken. */
  in(value: unknown): unknown {
    if (Array.isArray(value)) {
      return value.map((item) => this.in(item));
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    const [id, yes, no] = ((value as Section)['Fn::If'] ?? []) as unknown[];
    const met = id === undefined ? undefined : this.of(id);
    if (met !== undefined) {
      return this.in(met ? yes : no);
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.in(item)]));
  }

  /** An expression's truth, or what of it remains to be seen. */
  reduced(expression: unknown): unknown {
    const [operator, operands] = Object.entries(expression as Section)[0] ?? [];
    switch (operator) {
      case 'Condition': {
        const named = this.reduced(this.expressions[String(operands)]);
        return typeof named === 'boolean' ? named : expression;
      }
      case 'Fn::Equals':
        return this.equal(operands as [unknown, unknown]) ?? expression;
      case 'Fn::Not': {
        const negated = this.reduced((operands as [unknown])[0]);
        return typeof negated === 'boolean' ? !negated : { [operator]: [negated] };
      }
      case 'Fn::And':
        return this.joined(operator, operands as unknown[], false);
      case 'Fn::Or':
        return this.joined(operator, operands as unknown[], true);
      default:
        return expression;
    }
  }

  /** `Fn::And` and `Fn::Or`: one operand of the deciding truth decides; those of the other say nothing. */
  private joined(operator: string, operands: unknown[], deciding: boolean): unknown {
    const reduced = operands.map((operand) => this.reduced(operand));
    const open = reduced.filter((operand) => typeof operand !== 'boolean');
    if (reduced.includes(deciding)) {
      return deciding;
    }
    return open.length === 0 ? !deciding : open.length === 1 ? open[0] : { [operator]: open };
  }

  private equal(operands: [unknown, unknown]): boolean | undefined {
    const [left, right] = operands.map((operand) => this.literal(operand));
    return left === undefined || right === undefined ? undefined : left === right;
  }

  private literal(operand: unknown): string | undefined {
    const parameter = typeof operand === 'object' && operand !== null ? (operand as Section).Ref : undefined;
    const value = parameter === undefined ? operand : this.values[String(parameter)];
    return typeof value === 'object' || value === undefined || Token.isUnresolved(value) ? undefined : String(value);
  }
}
