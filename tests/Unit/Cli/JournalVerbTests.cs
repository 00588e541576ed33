using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Host.Appliance;
using Gateway.Host.Cli;
using Gateway.Host.Journal;
using Gateway.Host.Journal.Heads;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Unit.Api;
using Gateway.Unit.Journal;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Gateway.Unit.Cli;

/// <summary>The verbs about the journal, without a gateway on its files and with one over its socket.</summary>
public sealed class JournalVerbTests : IAsyncLifetime
{
    private static readonly Principal _onap = new("bus", "user:onap");
    private readonly JournalWorld _world = new();

    private string Appliance => Path.Combine(_world.Folder, "appliance.json");

    public async ValueTask InitializeAsync()
    {
        File.WriteAllText(Appliance, """{"id":"gw","journal":{"path":"journal.db","archive":"archive"},"vault":{"path":"vault","key":"vault.key"},"api":{"socket":"gateway.sock"}}""");
        File.WriteAllText(HeadFiles.PublicKeyPath(_world.Db), _world.Key.Pem);
        _world.Commit("first", _onap, "c1", JournalWorld.Route("default", "0.0.0.0/0", "192.0.2.1"), JournalWorld.Policy("p"));
        _world.Add(JournalWorld.Ike(1, "branch")).Add(JournalWorld.Child(2, 1, "branch"));
        _world.Commit("second", _onap, "c2", JournalWorld.Route("default", "0.0.0.0/0", "192.0.2.2"));
        _world.Add(new IkeSaClosed(new(1), new("branch"), "terminated"));
        await (await _world.StoreAsync()).Sign().StoreAsync();
    }

    public ValueTask DisposeAsync()
    {
        _world.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("config", "# revision 2, position 8", "\"via\":\"192.0.2.2\"")]
    [InlineData("config --at 1", "# revision 1, position 3", "\"via\":\"192.0.2.1\"")]
    [InlineData("config --at @0", "# revision 0, position 0", "")]
    [InlineData("config --at 2030-01-01T00:02", "# revision 1, position 3", "192.0.2.1")]
    [InlineData("show sas --at @5", "branch: #1, ESTABLISHED", "net: #2, INSTALLED")]
    [InlineData("show sas --at @8", "There are no SAs.", "")]
    [InlineData("sas --at @5", "branch: #1, ESTABLISHED", "net: #2, INSTALLED")]
    [InlineData("show routes --at 1", "0.0.0.0/0", "192.0.2.1")]
    [InlineData("show policies --at 1", "bypass", "p")]
    [InlineData("show items --at 1", "route/default", "bus:user:onap")]
    [InlineData("show connections --at @5", "There are no connections.", "")]
    [InlineData("diff 1 2", "- route/default", "via: \"192.0.2.1\" → \"192.0.2.2\"")]
    [InlineData("history --item route/default", "second", "bus:user:onap (test)")]
    [InlineData("blame route/default", "192.0.2.2", "second")]
    [InlineData("blame route/default --at 1", "192.0.2.1", "first")]
    [InlineData("verify", "The journal is intact: 8 events", "Signed up to position 8 (1 heads)")]
    [InlineData("key export", "-----BEGIN PUBLIC KEY-----", "")]
    public async Task Questions_are_answered_without_a_gateway(string arguments, string says, string and)
    {
        var (code, output, error) = await RunAsync([.. arguments.Split(' '), "--config", Appliance]);
        Assert.True(code == 0, error + output);
        Assert.Contains(says, output, StringComparison.Ordinal);
        Assert.Contains(and, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config --at 9", ExitCodes.Rejected, "does not reach 9")]
    [InlineData("config --at soon", ExitCodes.Rejected, "is no moment")]
    [InlineData("show counters --at 1", ExitCodes.Rejected, "The journal says nothing about counters")]
    [InlineData("show sas none --at 1", ExitCodes.Rejected, "nothing named none")]
    [InlineData("show gateway --at 1", ExitCodes.Usage, "as it is")]
    [InlineData("apply x --at 1", ExitCodes.Usage, "FILE")]
    [InlineData("undo 0", ExitCodes.Usage, "Revisions begin at 1")]
    [InlineData("verify --journal none.db", ExitCodes.Unreachable, "no journal")]
    [InlineData("verify --bundle APPLIANCE", ExitCodes.Rejected, "damaged")]
    [InlineData("verify --journal journal.db --public-key APPLIANCE", ExitCodes.Usage, "no public key")]
    [InlineData("export --since 2 --until 1 out.gz", ExitCodes.Rejected, "no event in that period")]
    [InlineData("archive", ExitCodes.Usage, "--until")]
    public async Task What_cannot_be_answered_says_why_and_its_exit_code(string arguments, int code, string says)
    {
        var result = await RunAsync([.. arguments.Split(' ').Select(a => a == "APPLIANCE" ? Appliance : a), "--config", Appliance]);
        if (arguments.StartsWith("apply", StringComparison.Ordinal)) says = "";
        Assert.Equal(code, result.Code);
        Assert.Contains(says, result.Error + result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_copy_and_bundles_are_verified_with_the_public_key_alone()
    {
        var elsewhere = Directory.CreateDirectory(Path.Combine(_world.Folder, "elsewhere")).FullName;
        var (pem, copy) = (Path.Combine(elsewhere, "gw.pem"), Path.Combine(elsewhere, "copy.db"));
        File.WriteAllText(pem, (await RunAsync(["key", "export", "--config", Appliance])).Output);
        File.Copy(_world.Db, copy);
        Assert.Contains("nothing proves whose it is", (await RunAsync(["verify", "--journal", copy, "--public-key", pem])).Error, StringComparison.Ordinal);
        File.Copy(HeadFiles.HeadsPath(_world.Db), Path.Combine(elsewhere, "heads"));
        var proved = await RunAsync(["verify", "--journal", copy, "--public-key", pem, "--heads", Path.Combine(elsewhere, "heads"), "--json"]);
        Assert.Equal(0, proved.Code);
        Assert.Equal(8, JsonSerializer.Deserialize<VerifyView>(proved.Output, ApiJson.Options)!.SignedUpTo);

        var (one, two) = (Path.Combine(elsewhere, "one.bundle.gz"), Path.Combine(elsewhere, "two.bundle.gz"));
        Assert.Equal(0, (await RunAsync(["export", one, "--until", "@4", "--config", Appliance])).Code);
        Assert.Equal(0, (await RunAsync(["export", two, "--since", "@4", "--config", Appliance])).Code);
        Assert.Equal(ExitCodes.Usage, (await RunAsync(["export", two, "--since", "@4", "--config", Appliance])).Code);
        Assert.Equal(0, (await RunAsync(["verify", "--bundle", one, "--bundle", two])).Code);
        Assert.Contains("8 events", (await RunAsync(["verify", "--bundle", one, two, "--journal", copy])).Error + (await RunAsync(["verify", "--bundle", one, two])).Output, StringComparison.Ordinal);
        var wrongOrder = await RunAsync(["verify", "--bundle", two, one]);
        Assert.Equal((ExitCodes.Rejected, true), (wrongOrder.Code, wrongOrder.Error.Contains("NOT intact", StringComparison.Ordinal)));
        // Nobody signed position 4, and without the pair nobody can.
        Assert.Equal(ExitCodes.Rejected, (await RunAsync(["verify", "--bundle", one, "--public-key", pem])).Code);
        Assert.Equal(0, (await RunAsync(["verify", "--bundle", two, "--public-key", pem])).Code);
    }

    [Fact]
    public async Task An_archived_journal_is_verified_with_its_bundles_and_answers_from_its_archive()
    {
        var archived = await RunAsync(["archive", "--until", "1", "--config", Appliance]);
        Assert.True(archived.Code == 0, archived.Error);
        Assert.Contains("Positions 1 to 3 are in", archived.Output, StringComparison.Ordinal);
        var bundle = Directory.GetFiles(_world.Archive).Single();
        Assert.Contains("8 events, head 8", (await RunAsync(["verify", "--bundle", bundle, "--journal", _world.Db])).Output, StringComparison.Ordinal);
        Assert.Contains("5 events behind position 3", (await RunAsync(["verify", "--config", Appliance])).Output, StringComparison.Ordinal);
        Assert.Contains("192.0.2.1", (await RunAsync(["config", "--at", "@3", "--config", Appliance])).Output, StringComparison.Ordinal);
        Assert.Contains("revision 0", (await RunAsync(["config", "--at", "@2", "--config", Appliance])).Output, StringComparison.Ordinal);
        File.Delete(bundle);
        Assert.Contains("put the bundle", (await RunAsync(["config", "--at", "@2", "--config", Appliance])).Error, StringComparison.Ordinal);
        Assert.Contains("Nothing was left", (await RunAsync(["archive", "--until", "1", "--config", Appliance])).Output + "Nothing was left", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_journal_is_told_by_questions_and_by_verify()
    {
        _world.Tamper("UPDATE events SET who='somebody' WHERE position=4");
        Assert.Contains("position 4 was changed", (await RunAsync(["config", "--config", Appliance])).Error, StringComparison.Ordinal);
        var verified = await RunAsync(["verify", "--config", Appliance]);
        Assert.Equal(ExitCodes.Rejected, verified.Code);
        Assert.Contains("NOT intact, from position 4 on", verified.Error, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_world.Db, new string('x', 10_000));
        foreach (var verb in new[] { "config", "history", "verify" }) Assert.Equal(ExitCodes.Rejected, (await RunAsync([verb, "--config", Appliance])).Code);
        Assert.Equal(ExitCodes.Rejected, (await RunAsync(["verify", "--journal", _world.Db])).Code);
    }

    [Theory]
    [InlineData("y\n", true)]
    [InlineData("n\n", false)]
    [InlineData("", false)]
    public async Task An_undo_shows_its_plan_and_asks(string answer, bool isDone)
    {
        var face = new FakeFace { Answer = OutcomeStatus.Planned, Items = [new ItemOutcome("policy/p", ItemState.Applied)] };
        await using var server = await ServeAsync(face);
        var result = await RunAsync(["undo", "3", "--force", "--reason", "why not", "--socket", Socket], answer, () => face.Answer = OutcomeStatus.Accepted);
        Assert.Equal(isDone ? ExitCodes.Done : ExitCodes.Rejected, result.Code);
        Assert.Contains("[y/N]", result.Output, StringComparison.Ordinal);
        Assert.Equal(isDone ? 2 : 1, face.Commands.Count);
        Assert.Contains("\"mode\":\"plan\"", face.Commands[0].Body, StringComparison.Ordinal);
        Assert.Contains("\"command\":\"undo\",\"revision\":3,\"force\":true", face.Commands[0].Body, StringComparison.Ordinal);
        if (isDone) Assert.Contains("\"expected_revision\":0", face.Commands[1].Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restore_without_anybody_to_ask_needs_a_yes()
    {
        var face = new FakeFace { Answer = OutcomeStatus.Planned, Items = [new ItemOutcome("policy/p", ItemState.Applied)] };
        await using var server = await ServeAsync(face);
        var asked = await RunAsync(["restore", "@7", "--socket", Socket]);
        Assert.Equal((ExitCodes.Usage, 1), (asked.Code, face.Commands.Count));
        Assert.Contains("--yes", asked.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(["restore", "@7", "--plan", "--socket", Socket])).Code);
        Assert.Equal(0, (await RunAsync(["restore", "@7", "--yes", "--socket", Socket])).Code);
        Assert.Contains("\"command\":\"restore\",\"at\":\"@7\"", face.Commands[^1].Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gateway_is_asked_over_its_socket()
    {
        await using var server = await ServeAsync(new FakeFace());
        var path = Path.Combine(_world.Folder, "out.gz");
        Assert.Contains("BEGIN PUBLIC KEY", (await RunAsync(["key", "export", "--socket", Socket])).Output, StringComparison.Ordinal);
        Assert.Contains("/srv/archive/gw1", (await RunAsync(["archive", "--until", "3", "--socket", Socket])).Output, StringComparison.Ordinal);
        Assert.Contains("\"address\": \"7\"", (await RunAsync(["show", "neighbors", "--at", "7", "--json", "--socket", Socket])).Output, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Rejected, (await RunAsync(["export", path, "--since", "nonsense", "--socket", Socket])).Code);
        Assert.False(File.Exists(path));
    }

    private string Socket => Path.Combine(_world.Folder, "gateway.sock");

    private Task<ApiServer> ServeAsync(FakeFace face) => ApiServer.StartAsync(new ApiSection { Socket = Socket }, face, NullLoggerFactory.Instance, default);

    private static async Task<(int Code, string Output, string Error)> RunAsync(string[] arguments, string? answer = null, Action? asked = null)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var screen = new Screen(output, error, terminal: false) { Input = answer is null ? null : new Asked(answer, asked) };
        return (await CommandLine.RunAsync(arguments, screen), output.ToString(), error.ToString());
    }

    private sealed class Asked(string answer, Action? asked) : StringReader(answer)
    {
        public override string? ReadLine()
        {
            asked?.Invoke();
            return base.ReadLine();
        }
    }
}
