using Gateway.Dataplane.Apply;
using Gateway.Host.Journal;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Projections;

namespace Gateway.Host.Runtime;

/// <summary>Writes blocks of ports to the journal; a block is used only when its event is stored, so no crash leaves one that the journal does not know.</summary>
internal sealed class NatLedger(JournalSequencer sequencer) : INatLedger
{
    public static IEnumerable<NatBlock> BlocksOf(NatBlockBook book) => book.Blocks.Values.Select(b => new NatBlock(b.Rule, b.Host, b.Vrf, b.Outside, b.FirstPort, b.LastPort, b.Since));

    public bool TryAssign(NatBlock block, Action<bool> stored) =>
        TryWrite([new NatBlockAssigned(block.Rule, block.Host, block.Outside, block.FirstPort, block.LastPort, block.Vrf)], block.Since, stored);

    public bool TryRelease(IReadOnlyList<NatBlock> blocks, string reason, Action<bool> stored) =>
        TryWrite([.. blocks.Select(b => new NatBlockReleased(b.Rule, b.Host, b.Outside, b.FirstPort, b.LastPort, b.Since, reason, b.Vrf))], DateTimeOffset.UtcNow, stored);

    private bool TryWrite(IReadOnlyList<GatewayEvent> events, DateTimeOffset time, Action<bool> stored)
    {
        try
        {
            _ = sequencer.Append(events, new EventContext(Principal.Gateway, time), Durability.Soon).Stored
                .ContinueWith(t => stored(t.IsCompletedSuccessfully), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return true;
        }
        catch (JournalUnavailableException)
        {
            return false;
        }
    }
}
