using System.Collections.Concurrent;
using System.Text;
using Gateway.Host.Control;
using Gateway.Host.Control.Senders;
using Gateway.Host.Descriptors;
using Gateway.Host.Journal;
using Gateway.Host.Journal.History;
using Gateway.Host.Runtime;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Planning;
using Gateway.Projections;

namespace Gateway.Unit.Control;

/// <summary>A command handler with everything behind it in memory.</summary>
internal sealed class ControlWorld : IAsyncDisposable, ISaCommands, ISessionCommands
{
    private ControlWorld(IJournal journal, MemoryVault vault) => (Journal, Vault) = (journal, vault);

    public static Principal Onap { get; } = new("bus", "user:onap");

    public VirtualTime Clock { get; } = new();

    public IJournal Journal { get; }

    public MemoryVault Vault { get; }

    public ConcurrentQueue<string> Calls { get; } = [];

    public RecordingDescriptor Interfaces { get; private set; } = null!;

    public JournalSequencer Sequencer { get; private set; } = null!;

    public FactWriter Facts { get; private set; } = null!;

    public Reconciler Reconciler { get; private set; } = null!;

    public CommandHandler Handler { get; private set; } = null!;

    public ConcurrentQueue<SaRequest> SaRequests { get; } = [];

    public ConcurrentQueue<(System.Net.IPAddress? Address, string? Rule, string? Vrf)> Cleared { get; } = [];

    void ISessionCommands.Clear(System.Net.IPAddress? address, string? rule, string? vrf) => Cleared.Enqueue((address, rule, vrf));

    public static async Task<ControlWorld> StartAsync(IJournal? journal = null, MemoryVault? vault = null, Authorization? authorization = null, bool realSecrets = false)
    {
        var world = new ControlWorld(journal ?? new MemoryJournal(), vault ?? new MemoryVault());
        var head = await world.Journal.OpenAsync(CancellationToken.None);
        var replayed = (await RunningConfigurationProjection.AtAsync(world.Journal.EventsAsync(1, CancellationToken.None), null, CancellationToken.None))!;
        world.Sequencer = new JournalSequencer(world.Journal, head, EventCatalog.Encode);
        world.Facts = new FactWriter(world.Sequencer, world.Clock);
        world.Interfaces = new RecordingDescriptor("interface", world.Calls);
        IDescriptor secrets = realSecrets ? new SecretDescriptor(world.Vault) : new RecordingDescriptor("secret", world.Calls);
        world.Reconciler = new Reconciler(
            [world.Interfaces, secrets, .. new[] { "route", "neighbor", "connection", "policy" }.Select(k => new RecordingDescriptor(k, world.Calls))],
            world.Clock,
            world.Facts.Write);
        world.Handler = new CommandHandler(
            new CommandHandlerParts
            {
                Sequencer = world.Sequencer,
                Journal = world.Journal,
                Reconciler = world.Reconciler,
                Vault = world.Vault,
                Digest = world.Vault,
                SaCommands = world,
                Sessions = world,
                Proposals = new IkeProposalSyntax(),
                Clock = world.Clock,
                Past = async (at, stop) => (await new JournalRecords(new JournalHistory(world.Journal, null), () => new VerifyAgainst()).StateAsync(at, blame: false, stop)).Configuration.Configuration,
                Authorization = authorization ?? Authorization.Open,
            },
            replayed.Configuration);
        await world.Reconciler.StartAsync(replayed.Configuration, replayed.Pending);
        return world;
    }

    public Task<Outcome> SendAsync(string json, Principal? principal = null) => Handler.HandleAsync(Encoding.UTF8.GetBytes(json), principal ?? Onap, CancellationToken.None);

    public async Task<List<JournalEvent>> EventsAsync()
    {
        var events = new List<JournalEvent>();
        await foreach (var e in Journal.EventsAsync(1, CancellationToken.None)) events.Add(e);
        return events;
    }

    /// <summary>Everything that the journal holds, as one text.</summary>
    public async Task<string> StoredTextAsync()
    {
        var text = new StringBuilder();
        foreach (var e in await EventsAsync())
        {
            text.Append(e.Envelope).Append(Encoding.UTF8.GetString(e.Envelope.Data.Span)).Append(e.Event);
            if (e.Envelope.CommandId is { } id && await Journal.FindCommandAsync(new CommandKey(e.Envelope.Principal, id), CancellationToken.None) is { } command)
                text.Append(command).Append(Encoding.UTF8.GetString(command.Outcome.Span));
        }

        return text.ToString();
    }

    public void Submit(SaRequest request) => SaRequests.Enqueue(request);

    public async ValueTask DisposeAsync()
    {
        await Handler.DisposeAsync();
        await Reconciler.DisposeAsync();
        await Facts.DisposeAsync();
        await Sequencer.DisposeAsync();
    }
}
