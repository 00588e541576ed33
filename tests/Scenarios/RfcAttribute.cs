using Xunit.v3;

namespace Gateway.Scenarios;

/// <summary>Names the section that a test holds us to; a trait, so that the tests of one RFC can be run alone.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class, AllowMultiple = true)]
public sealed class RfcAttribute(string number, string section) : Attribute, ITraitAttribute
{
    public string Number => number;

    public string Section => section;

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("rfc", number), new("section", $"{number} {section}")];
}
