use std::path::PathBuf;

/// Why a template cannot be made into a stack. Each names the resource and the property that it is about.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be read.
    #[error("cannot read the template {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The text is not YAML.
    #[error("the template is not YAML: {0}")]
    NotYaml(#[from] yaml_serde::Error),
    /// A value was given for a parameter that the template does not declare.
    #[error("the template has no parameter {name}; it has {known}")]
    UnknownParameter {
        /// The name that was given.
        name: String,
        /// The declared names, separated by commas.
        known: String,
    },
    /// A parameter's value breaks its rule. The value itself is not shown: it may be a secret.
    #[error("parameter {name}: {rule}")]
    Parameter {
        /// The parameter.
        name: String,
        /// The rule, in words.
        rule: String,
    },
    /// A resource of a type that the local stack does not have.
    #[error("resource {resource}: the local stack does not support {kind}")]
    UnsupportedType {
        /// The resource's logical id.
        resource: String,
        /// Its type.
        kind: String,
    },
    /// A property that the local stack does not understand.
    #[error("resource {resource}: the local stack does not support the property {property}")]
    Unsupported {
        /// The resource's logical id.
        resource: String,
        /// The property, with the path to it.
        property: String,
    },
    /// A property that must be there is not.
    #[error("resource {resource}: the property {property} is missing")]
    Missing {
        /// The resource's logical id.
        resource: String,
        /// The property.
        property: String,
    },
    /// A property's value is not one that AWS would take.
    #[error("resource {resource}: {property} {rule}")]
    Invalid {
        /// The resource's logical id, or the section.
        resource: String,
        /// The property.
        property: String,
        /// What is wrong with it.
        rule: String,
    },
    /// `Ref`, `Fn::GetAtt` or `Fn::Sub` leads nowhere.
    #[error("{at}: nothing in the template answers to {name}")]
    Dangling {
        /// Where it stands.
        at: String,
        /// What it names.
        name: String,
    },
    /// A template function that is not supported, or that has the wrong arguments.
    #[error("{at}: {function} {problem}")]
    Function {
        /// Where it stands.
        at: String,
        /// `Fn::…`.
        function: String,
        /// What is wrong.
        problem: String,
    },
}

impl TemplateError {
    pub(super) fn unsupported(resource: &str, property: &str) -> Self {
        Self::Unsupported {
            resource: resource.into(),
            property: property.into(),
        }
    }

    pub(super) fn missing(resource: &str, property: &str) -> Self {
        Self::Missing {
            resource: resource.into(),
            property: property.into(),
        }
    }

    pub(super) fn invalid(resource: &str, property: &str, rule: impl Into<String>) -> Self {
        Self::Invalid {
            resource: resource.into(),
            property: property.into(),
            rule: rule.into(),
        }
    }
}
