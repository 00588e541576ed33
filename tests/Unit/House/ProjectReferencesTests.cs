using System.Xml.Linq;
using Xunit;

namespace Gateway.Unit.House;

/// <summary>The folder list is the architecture: these tests hold the project files to it.</summary>
public sealed class ProjectReferencesTests
{
    private static readonly Dictionary<string, string[]> _allowed = new()
    {
        ["Policy"] = [],
        ["Crypto"] = [],
        ["Ike"] = ["Policy", "Crypto"],
        ["Dataplane"] = ["Policy", "Crypto"],
        ["Projections"] = ["Policy"],
        ["Gateway.Host"] = ["Policy", "Crypto", "Ike", "Dataplane", "Projections"],
    };

    public static TheoryData<string> Projects => [.. _allowed.Keys];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_what_the_design_lets_it(string project)
    {
        var file = XDocument.Load(Path.Combine(Repository.Root, "src", project, project + ".csproj"));
        var references = file.Descendants("ProjectReference")
            .Select(e => Path.GetFileNameWithoutExtension((string)e.Attribute("Include")!))
            .Order();
        Assert.Equal(_allowed[project].Order(), references);
    }

    [Fact]
    public void Every_source_project_stands_in_the_table()
    {
        var found = Directory.GetDirectories(Path.Combine(Repository.Root, "src")).Select(Path.GetFileName).Order();
        Assert.Equal(_allowed.Keys.Order(), found!);
    }

    [Fact]
    public void Unsafe_code_stays_in_Crypto_Dataplane_and_the_vault()
    {
        var elsewhere = Repository.SourceFiles()
            .Where(f => !f.StartsWith("src/Crypto/", StringComparison.Ordinal)
                && !f.StartsWith("src/Dataplane/", StringComparison.Ordinal)
                && !f.StartsWith("src/Gateway.Host/Vault/", StringComparison.Ordinal)
                && !f.Contains("/Interop/", StringComparison.Ordinal))
            .Where(f => File.ReadLines(Path.Combine(Repository.Root, f)).Any(l => l.Contains("unsafe ", StringComparison.Ordinal)));
        Assert.Empty(elsewhere);
    }
}
