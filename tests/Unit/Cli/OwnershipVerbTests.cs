using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Host.Appliance;
using Gateway.Host.Cli;
using Gateway.Policy.Commands;
using Gateway.Unit.Api;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Gateway.Unit.Cli;

/// <summary>Who owns what, as the CLI shows and takes it.</summary>
public sealed class OwnershipVerbTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-cli-").FullName;
    private readonly FakeFace _face = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("apply ITEMS --take-ownership")]
    [InlineData("apply ITEMS --plan --take-ownership --reason handover")]
    [InlineData("undo 3 --yes --take-ownership")]
    [InlineData("restore 3 --yes --take-ownership")]
    public async Task A_verb_that_changes_items_says_that_it_takes_them_over(string arguments)
    {
        _face.Answer = OutcomeStatus.Planned;
        _face.Items = [new ItemOutcome("route/default", ItemState.Applied)];
        var result = await RunAsync(arguments);
        Assert.True(result.Code == 0, result.Error);
        Assert.All(_face.Commands, c => Assert.Contains("\"take_ownership\":true", c.Body, StringComparison.Ordinal));
        // What an undo or a restore plans, and what it carries out.
        Assert.Equal(arguments.StartsWith("apply", StringComparison.Ordinal) ? 1 : 2, _face.Commands.Count);
    }

    [Theory]
    [InlineData("apply ITEMS")]
    [InlineData("undo 3 --yes")]
    public async Task Nothing_is_taken_over_that_was_not_asked_for(string arguments)
    {
        await RunAsync(arguments);
        Assert.All(_face.Commands, c => Assert.DoesNotContain("take_ownership", c.Body, StringComparison.Ordinal));
        Assert.NotEmpty(_face.Commands);
    }

    [Fact]
    public async Task An_item_of_somebody_else_is_refused_and_its_owner_named()
    {
        _face.Answer = OutcomeStatus.Rejected;
        _face.Errors = [new CommandError("route/default", "", "not-owner", "route/default belongs to bus:user:onap.")];
        var result = await RunAsync("apply ITEMS");
        Assert.Equal(ExitCodes.Rejected, result.Code);
        Assert.Contains("belongs to bus:user:onap", result.Output + result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("show items", "ITEM OWNER STATE", "route/default bus:user:onap applied", "interface/wan http:uid:0 pending: device wan")]
    [InlineData("show items route/default", "ITEM OWNER STATE", "route/default bus:user:onap applied")]
    public async Task Items_are_shown_with_their_owner_and_state(string arguments, params string[] lines)
    {
        _face.Rows["items"] = [new ItemRow("interface/wan", "http:uid:0", "pending", "device wan"), new ItemRow("route/default", "bus:user:onap", "applied", null)];
        var result = await RunAsync(arguments);
        Assert.Equal(0, result.Code);
        var shown = result.Output.Split('\n').Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries))).ToList();
        Assert.All(lines, line => Assert.Contains(line, shown));
    }

    [Fact]
    public async Task Without_items_it_says_so_and_an_unknown_one_is_not_found()
    {
        Assert.Contains("Nothing is configured.", (await RunAsync("show items")).Output, StringComparison.Ordinal);
        var unknown = await RunAsync("show items route/none");
        Assert.Equal((ExitCodes.Rejected, true), (unknown.Code, unknown.Error.Contains("nothing named route/none", StringComparison.Ordinal)));
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(string arguments)
    {
        var (items, socket) = (Path.Combine(_folder, "items.json"), Path.Combine(_folder, "gateway.sock"));
        File.WriteAllText(items, """[{"kind":"route","name":"default","spec":{"to":"0.0.0.0/0","via":"192.0.2.1"}}]""");
        await using var server = await ApiServer.StartAsync(new ApiSection { Socket = socket }, _face, NullLoggerFactory.Instance, default);
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = await CommandLine.RunAsync([.. arguments.Split(' ').Select(a => a == "ITEMS" ? items : a), "--socket", socket], new Screen(output, error, terminal: false));
        return (code, output.ToString(), error.ToString());
    }
}
