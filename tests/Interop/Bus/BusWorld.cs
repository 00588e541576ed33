using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Gateway.Host.Appliance;
using Gateway.Host.Bus;
using Gateway.Host.Control;
using Gateway.Host.Control.Senders;
using Gateway.Host.Journal;
using Gateway.Host.Journal.Heads;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Planning;
using Gateway.Policy.Sa;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>A gateway's command handler on a journal in memory, with a bus before it.</summary>
internal sealed class BusWorld : IAsyncDisposable, ISaCommands
{
    private static int _count;

    private readonly string _folder;
    private readonly JournalSequencer _sequencer;
    private readonly Reconciler _reconciler;

    private BusWorld(IJournal journal, JournalHead head, string id, string folder, Authorization authorization)
    {
        (Journal, Id, _folder, Authorization) = (journal, id, folder, authorization);
        Vault = new Slots();
        _sequencer = new JournalSequencer(journal, head, EventCatalog.Encode);
        _reconciler = new Reconciler(
            ItemCatalog.Kinds.Select(k => new Anything(k.Name)),
            TimeProvider.System,
            e => _sequencer.Append([e], new EventContext(Principal.Gateway, DateTimeOffset.UtcNow), Durability.Soon));
        Handler = new CommandHandler(
            new CommandHandlerParts
            {
                Sequencer = _sequencer,
                Journal = journal,
                Reconciler = _reconciler,
                Vault = Vault,
                Digest = Vault,
                SaCommands = this,
                Proposals = new IkeProposalSyntax(),
                Clock = TimeProvider.System,
                Authorization = authorization,
            },
            RunningConfiguration.Empty);
    }

    public string Id { get; }

    public Authorization Authorization { get; }

    /// <summary>What the bus is told beside the broker's address.</summary>
    public Func<BusSection, BusSection> Section { get; set; } = s => s;

    public IJournal Journal { get; }

    public Slots Vault { get; }

    public CommandHandler Handler { get; }

    public IBus Bus { get; private set; } = null!;

    /// <summary>Completed: outcomes go on to the bus. A test may put an open one here.</summary>
    public TaskCompletionSource Gate { get; set; } = Done();

    /// <summary>A test may answer for the handler, or throw.</summary>
    public Func<string, Outcome?>? Trouble { get; set; }

    /// <summary>The newest signed head, when heads are to be published.</summary>
    public Func<SignedHead?>? Head { get; set; }

    /// <summary>Where the journal ends, as far as it is stored.</summary>
    public JournalSequencer Sequencer => _sequencer;

    /// <summary>Every line that the bus logged.</summary>
    public ConcurrentQueue<string> Log { get; } = [];

    public static async Task<BusWorld> StartAsync(Uri broker, Action<BusWorld>? before = null, AuthorizationSection? authorization = null, LimitsSection? limits = null, IJournal? journal = null, string? id = null)
    {
        journal ??= new MemoryJournal();
        var world = new BusWorld(
            journal, await journal.OpenAsync(CancellationToken.None), id ?? $"edge{Interlocked.Increment(ref _count)}-{Guid.NewGuid():N}"[..16], Directory.CreateTempSubdirectory("gwbus-").FullName,
            new Authorization(authorization, limits ?? new LimitsSection()));
        before?.Invoke(world);
        await world._reconciler.StartAsync(RunningConfiguration.Empty, []);
        await world.StartBusAsync(broker);
        return world;
    }

    public async Task StartBusAsync(Uri broker)
    {
        Bus = BusFactory.Create(new BusParts
        {
            Section = Section(new BusSection { Kind = BusKind.Rabbitmq, Uri = broker.ToString() }),
            GatewayId = Id,
            Handle = async (body, principal, stop) =>
            {
                if (Trouble?.Invoke(Encoding.UTF8.GetString(body.Span)) is { } trouble) return trouble;
                var outcome = await Handler.HandleAsync(body, principal, stop);
                await Gate.Task.WaitAsync(stop);
                return outcome;
            },
            Journal = Journal,
            LastPosition = () => _sequencer.Stored.Position,
            Head = Head,
            RightsOf = p => Authorization.Of(p).Speaker.Rights,
            CheckpointPath = Path.Combine(_folder, "bus.json"),
            Log = new Lines(Log),
            Timing = new BusTiming { FirstDelay = TimeSpan.FromMilliseconds(100), LongestDelay = TimeSpan.FromSeconds(1), CheckpointInterval = TimeSpan.FromMilliseconds(50) },
        });
        await Bus.StartAsync(CancellationToken.None);
    }

    public async Task ConnectedAsync() => Assert.True(await Eventually(() => Bus.Status == "connected"), Bus.Status);

    public Task<Outcome> ByHandAsync(string json) => Handler.HandleAsync(Encoding.UTF8.GetBytes(json), new Principal("http", "uid:0"), CancellationToken.None);

    public async Task<List<Envelope>> StoredAsync()
    {
        var all = new List<Envelope>();
        await foreach (var e in Journal.ReadAsync(1, CancellationToken.None)) all.Add(e);
        return all;
    }

    public static async Task<bool> Eventually(Func<bool> done)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        while (!done())
        {
            if (watch.Elapsed > TimeSpan.FromSeconds(60)) return false;
            await Task.Delay(20);
        }

        return true;
    }

    public void Submit(SaRequest request)
    {
    }

    public async ValueTask DisposeAsync()
    {
        Gate.TrySetResult();
        await Bus.DisposeAsync();
        await Handler.DisposeAsync();
        await _reconciler.DisposeAsync();
        await _sequencer.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static TaskCompletionSource Done()
    {
        var done = new TaskCompletionSource();
        done.SetResult();
        return done;
    }

    /// <summary>Applies whatever it is given.</summary>
    private sealed class Anything(string kind) : IDescriptor
    {
        public string Kind => kind;

        public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

        public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

        public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());

        public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => new(new StepResult.Done());

        public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());
    }

    /// <summary>Secrets in memory.</summary>
    internal sealed class Slots : ISecretVault, IBodyDigest
    {
        public ConcurrentDictionary<KeyHandle, byte[]> Values { get; } = [];

        public void Put(KeyHandle slot, ReadOnlySpan<byte> value) => Values[slot] = value.ToArray();

        public void Shred(KeyHandle slot) => Values.TryRemove(slot, out _);

        public bool Holds(KeyHandle slot) => Values.ContainsKey(slot);

        public Gateway.Crypto.Secret? Open(KeyHandle slot) => Values.TryGetValue(slot, out var held) ? Gateway.Crypto.Secret.FromBytes(held) : null;

        public bool Matches(KeyHandle slot, ReadOnlySpan<byte> value) => Values.TryGetValue(slot, out var held) && value.SequenceEqual(held);

        public Octets Of(ReadOnlySpan<byte> canonicalBody) => new(HMACSHA256.HashData("key"u8, canonicalBody));
    }

    private sealed class Lines(ConcurrentQueue<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue($"{formatter(state, exception)} {exception}");
    }
}
