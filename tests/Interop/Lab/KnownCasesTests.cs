using Xunit;

namespace Gateway.Interop.Lab;

/// <summary>The cases that are known to pass must pass. Dealt out to classes, which run side by side: a case waits more than it works.</summary>
public static class KnownCases
{
    private const int Hands = 4;

    /// <summary>One hand of the cases of <c>pass-left.txt</c> and <c>pass-right.txt</c>, each with the side that the gateway is on.</summary>
    /// <remarks>The environment variable <c>GATEWAY_LAB_ONLY</c> may name some (<c>left/NAME right/NAME …</c>).</remarks>
    public static TheoryData<string, string> Dealt(int hand)
    {
        var only = Environment.GetEnvironmentVariable("GATEWAY_LAB_ONLY")?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        var known = from side in (string[])["left", "right"]
                    from line in File.ReadLines(LabCasesTests.In($"cases/pass-{side}.txt"))
                    where line.Length > 0 && line[0] != '#'
                    select (Side: side, Name: line.Trim());
        var data = new TheoryData<string, string>();
        foreach (var (side, name) in known.Where((c, i) => i % Hands == hand && (only.Length == 0 || only.Contains($"{c.Side}/{c.Name}")))) data.Add(side, name);
        return data;
    }
}

/// <inheritdoc cref="KnownCases"/>
public sealed class KnownCasesTests
{
    [Theory]
    [MemberData(nameof(KnownCases.Dealt), 0, MemberType = typeof(KnownCases))]
    public void A_case_that_passed_before_passes(string gateway, string name) => LabCasesTests.Play(gateway, name);
}

/// <inheritdoc cref="KnownCases"/>
public sealed class KnownCasesSecondTests
{
    [Theory]
    [MemberData(nameof(KnownCases.Dealt), 1, MemberType = typeof(KnownCases))]
    public void A_case_that_passed_before_passes(string gateway, string name) => LabCasesTests.Play(gateway, name);
}

/// <inheritdoc cref="KnownCases"/>
public sealed class KnownCasesThirdTests
{
    [Theory]
    [MemberData(nameof(KnownCases.Dealt), 2, MemberType = typeof(KnownCases))]
    public void A_case_that_passed_before_passes(string gateway, string name) => LabCasesTests.Play(gateway, name);
}

/// <inheritdoc cref="KnownCases"/>
public sealed class KnownCasesFourthTests
{
    [Theory]
    [MemberData(nameof(KnownCases.Dealt), 3, MemberType = typeof(KnownCases))]
    public void A_case_that_passed_before_passes(string gateway, string name) => LabCasesTests.Play(gateway, name);
}
