using System.Reflection;
using System.Text.RegularExpressions;
using Gateway.Policy.Commands;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Policy.Commands;

public sealed partial class ErrorCodeTests
{
    [Fact]
    public void The_page_of_errors_says_what_the_code_says()
    {
        var rows = Row().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "errors.md"))).Select(m => (m.Groups[1].Value, m.Groups[2].Value));
        Assert.Equal(ErrorCode.All.Select(c => (c.Key, c.Value)), rows);
    }

    [Fact]
    public void Every_code_has_its_meaning()
    {
        var codes = typeof(ErrorCode).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (string)f.GetRawConstantValue()!);
        Assert.Equal(codes.Order(), ErrorCode.All.Keys.Order());
        Assert.All(codes, c => Assert.Matches("^[a-z]+(-[a-z]+)*$", c));
    }

    [GeneratedRegex(@"^\| `([^`]+)` \| (.+) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
