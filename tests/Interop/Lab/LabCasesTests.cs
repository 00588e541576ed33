using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Lab;

/// <summary>The folders of <c>tests/Interop/cases</c>, played by <c>lab.sh</c>; those that are known to pass: <see cref="KnownCases"/>.</summary>
public sealed class LabCasesTests
{
    [Fact]
    [Trait("set", "quick")]
    public void The_base_case_passes() => Play("left", "psk-gcm-x25519");

    [Fact]
    [Trait("set", "quick")]
    public void Swanctl_loads_and_unloads_the_gateways_configuration() => Play("left", "swanctl-reload");

    [Fact]
    public void A_check_that_is_not_true_fails_the_case()
    {
        var folder = Directory.CreateTempSubdirectory("gwcases-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "liar"));
            foreach (var file in (string[])["left.conf", "right.conf"]) File.Copy(In("cases/psk-gcm-x25519/" + file), Path.Combine(folder, "liar", file));
            File.WriteAllText(Path.Combine(folder, "liar/case.sh"), "check() { ini net && has left 'no such thing'; }\n");
            var result = Lab("left", folder, "liar");
            Assert.Equal(1, result.Code);
            Assert.Contains("FAIL liar: the SAs of left do not show /no such thing/", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Settings_that_the_gateway_does_not_have_skip_the_case_by_name()
    {
        var folder = Directory.CreateTempSubdirectory("gwcases-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "odd"));
            foreach (var file in (string[])["left.conf", "right.conf"]) File.Copy(In("cases/psk-gcm-x25519/" + file), Path.Combine(folder, "odd", file));
            File.WriteAllText(Path.Combine(folder, "odd/case.sh"), "STRONGSWAN_left='cookie_threshold = 3\n  flux_capacity = 7'\n");
            var result = Lab("left", folder, "odd");
            Assert.Equal(0, result.Code);
            Assert.Contains("SKIP odd: the gateway has no such setting of charon's: flux_capacity", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A case is in the list of those that pass, needs the gateway elsewhere by its own word, or has its reason in <c>not-left.txt</c> or <c>not-right.txt</c> (<c>NAME: reason</c>).</summary>
    [Theory]
    [Trait("set", "quick")]
    [InlineData("left", "right")]
    [InlineData("right", "left")]
    public void Every_case_passes_or_says_why_it_is_not_played(string side, string other)
    {
        var passing = File.ReadLines(In($"cases/pass-{side}.txt")).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Trim()).ToList();
        var reasons = File.ReadLines(In($"cases/not-{side}.txt")).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split(": ", 2)).ToList();
        Assert.All(reasons, r => Assert.True(r is [_, { Length: > 20 }], $"not-{side}.txt has no reason for {r[0]}"));
        var excused = reasons.Select(r => r[0]).ToList();
        var all = Directory.EnumerateDirectories(In("cases")).Select(d => Path.GetFileName(d)!).ToList();
        Assert.Empty(passing.Concat(excused).GroupBy(n => n).Where(g => g.Count() > 1).Select(g => g.Key));
        Assert.Empty(passing.Concat(excused).Except(all));
        Assert.DoesNotContain(all.Except(passing).Except(excused), n => !File.ReadAllText(In($"cases/{n}/case.sh")).Contains($"NEEDS=gateway-{other}", StringComparison.Ordinal));
    }

    internal static void Play(string gateway, string name)
    {
        Assert.SkipUnless(File.Exists(GatewayProcess.Binary), $"The gateway is not built at {GatewayProcess.Binary}");
        Assert.SkipUnless(File.Exists("/usr/lib/ipsec/charon"), "strongSwan is not installed (Debian packages strongswan-charon, strongswan-swanctl, libcharon-extra-plugins)");
        var result = Lab(gateway, In("cases"), name);
        TestContext.Current.TestOutputHelper?.WriteLine(result.Output);
        Assert.True(result.Output.Contains($"PASS {name} ", StringComparison.Ordinal), result.Output);
        Assert.Equal(0, result.Code);
    }

    private static ShellResult Lab(string gateway, string cases, string name) =>
        Shell.Try("env", [$"GATEWAY={gateway}", $"GATEWAY_BINARY={GatewayProcess.Binary}", $"LAB_PKI={LabCertificates.Folder}", "bash", In("lab.sh"), "test", "--cases", cases, name], 240);

    internal static string In(string path) => Path.Combine(GatewayProcess.RepositoryRoot(), "tests/Interop", path);
}
