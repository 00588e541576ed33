using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Host.Api.Views;
using Gateway.Host.Explain;
using Gateway.Host.Journal;
using Gateway.Host.Journal.History;
using Gateway.Host.Runtime;
using Gateway.Policy.Commands;
using Gateway.Unit.Control;
using Xunit;

namespace Gateway.Unit.Explain;

/// <summary>A journal that commands go into, and an explainer that reads it.</summary>
internal sealed class ExplainWorld : IAsyncDisposable
{
    private readonly ControlWorld _control;
    private readonly Explainer _explainer;
    private int _commands;

    private ExplainWorld(ControlWorld control, DataplaneControl? running)
    {
        _control = control;
        _explainer = new Explainer(new JournalRecords(new JournalHistory(control.Journal, null), () => new VerifyAgainst()), new TwinBox(running is null, IkePorts.Default, running));
    }

    public static async Task<ExplainWorld> StartAsync(DataplaneControl? running = null) => new(await ControlWorld.StartAsync(), running);

    public ControlWorld Control => _control;

    public static string Item(string kind, string name, string spec) => $$"""{"kind":"{{kind}}","name":"{{name}}","spec":{{spec}}}""";

    public Task<Outcome> PutAsync(params string[] items) => PutAsync("as asked", items);

    public async Task<Outcome> PutAsync(string reason, string[] items)
    {
        var outcome = await _control.SendAsync($$"""{"id":"c{{++_commands}}","issuer":"planner","reason":"{{reason}}","put":[{{string.Join(',', items)}}]}""");
        Assert.True(outcome.Status == OutcomeStatus.Accepted, JsonSerializer.Serialize(outcome));
        return outcome;
    }

    /// <summary>Lets the journal know a fact.</summary>
    public async Task FactAsync(Gateway.Policy.Events.GatewayEvent fact)
    {
        var head = (await _control.EventsAsync())[^1].Position;
        _control.Facts.Write(fact);
        for (var i = 0; i < 600 && (await _control.EventsAsync())[^1].Position == head; i++) await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.True((await _control.EventsAsync())[^1].Position > head);
    }

    public Task<ExplainView> AskAsync(string flow, string? at = null, bool reply = false) => _explainer.ExplainAsync(flow, at, reply, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        _explainer.Dispose();
        await _control.DisposeAsync();
    }
}
