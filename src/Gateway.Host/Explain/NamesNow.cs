using Gateway.Host.Runtime;
using Gateway.Policy.Items;

namespace Gateway.Host.Explain;

/// <summary>The names of what is in force now, read out of the journal anew when the configuration has changed: whoever follows packets asks several times a second.</summary>
internal sealed class NamesNow(JournalRecords records, Func<RunningConfiguration> running)
{
    private volatile Held? _held;

    private sealed record Held(long Revision, DecisionWords Words, Blames Blames);

    public async Task<(DecisionWords Words, Blames Blames)> GetAsync(CancellationToken stop)
    {
        var configuration = running();
        if (_held is { } held && held.Revision == configuration.Revision) return (held.Words, held.Blames);
        var state = await records.StateAsync(null, blame: true, stop).ConfigureAwait(false);
        var fresh = new Held(state.Configuration.Configuration.Revision, new DecisionWords(state.Configuration.Configuration), new Blames(state.Fold.Blame!));
        _held = fresh;
        return (fresh.Words, fresh.Blames);
    }
}
