using System.Diagnostics;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Host.Appliance;
using Gateway.Host.Bus;
using Gateway.Host.Journal.Bundles;
using Gateway.Host.Journal.Heads;
using Gateway.Host.Journal.History;
using Gateway.Host.Journal.Snapshots;
using Gateway.Host.Runtime;
using Gateway.Host.Vault;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal;

/// <summary>What a running gateway does for its journal beside writing it: reads it at the start, keeps snapshots, signs heads, archives what is old.</summary>
internal sealed class JournalKeeping : IDisposable
{
    /// <summary>What signs heads and bundles.</summary>
    public const string KeyAlgorithm = "ECDSA P-256, SHA-256";

    /// <summary>A last event this far ahead of the clock is worth a word.</summary>
    private static readonly TimeSpan _future = TimeSpan.FromMinutes(1);

    private readonly ApplianceConfig _appliance;
    private readonly IJournal _journal;
    private readonly ILogger _log;
    private readonly SnapshotStore? _snapshots;
    private readonly JournalHistory _history;
    private readonly Archiver? _archiver;
    private readonly string? _path;
    private readonly ClockWatch _clock = new();

    public JournalKeeping(ApplianceConfig appliance, IJournal journal, VaultFile vault, ILogger log)
    {
        (_appliance, _journal, _log) = (appliance, journal, log);
        Key = HeadKey.FromVault(vault);
        if (Key.IsNew) JournalLog.KeyMade(log, Key.Fingerprint.ToString());
        if (journal is not MemoryJournal)
        {
            _path = appliance.Journal.Path;
            _snapshots = new SnapshotStore(SnapshotStore.FolderOf(_path), appliance.Id, Key);
            Publish(HeadFiles.PublicKeyPath(_path), Key.Pem);
        }

        _history = new JournalHistory(journal, _snapshots);
        if (journal is SqliteJournal sqlite) _archiver = new Archiver(sqlite, _history, appliance.Journal.Archive);
        var archived = _archiver is null ? null : new JournalHistory(new ArchivedJournal(journal, appliance.Journal.Archive), _snapshots);
        Records = new JournalRecords(_history, Against) { Archived = archived };
    }

    public HeadKey Key { get; }

    public JournalRecords Records { get; }

    /// <summary>The signer of the running gateway.</summary>
    public HeadSigner? Signer { get; private set; }

    /// <summary>The state at the journal's end, from the newest snapshot on.</summary>
    /// <param name="head">Where the store says that it ends.</param>
    /// <exception cref="JournalDamagedException">The journal does not lead there.</exception>
    public async Task<JournalState> ReplayAsync(JournalHead head, CancellationToken stop)
    {
        var watch = Stopwatch.StartNew();
        JournalState state;
        try
        {
            state = (await _history.AtAsync(null, blame: false, stop).ConfigureAwait(false))!;
        }
        catch (JournalDamagedException e)
        {
            throw new JournalDamagedException(e.Position, $"{e.Message} Nothing was started.");
        }

        if (state.Head != head) throw new JournalDamagedException(state.Head.Position + 1, $"The journal leads to position {state.Head.Position}, but says that it ends at {head.Position}. Nothing was started.");
        JournalLog.Replayed(_log, head.Position, head.Position - state.From.Position, state.From.Position, watch.ElapsedMilliseconds);
        if (state.Fold.Time is { } time && time - DateTimeOffset.UtcNow is var ahead && ahead > _future) JournalLog.FromTheFuture(_log, time, TimeSpan.FromSeconds(Math.Round(ahead.TotalSeconds)));
        return state;
    }

    /// <summary>Begins to sign and to make snapshots; what comes back ends it, after the sequencer and before the store.</summary>
    public IAsyncDisposable Begin(JournalSequencer sequencer)
    {
        var section = _appliance.Journal;
        var signer = new HeadSigner(
            sequencer, Key,
            new HeadSignerOptions { Gateway = _appliance.Id, HeadsPath = _path is null ? null : HeadFiles.HeadsPath(_path), Events = section.SignEvents, Interval = TimeSpan.FromSeconds(section.SignSeconds) },
            _log);
        Signer = signer;
        var keeper = _snapshots is null ? null : new SnapshotKeeper(_history, _snapshots, section.SnapshotEvents, sequencer.Stored.Position, _log);
        sequencer.Subscribe((e, _) =>
        {
            signer.Stored(e.Position);
            keeper?.Stored(e.Position);
            if (_clock.Step(DateTimeOffset.UtcNow, TimeSpan.FromMilliseconds(Ike.Interop.BootClock.Now.Milliseconds)) is { } step) JournalLog.ClockStepped(_log, step > TimeSpan.Zero ? "ahead" : "back", step.Duration(), e.Position);
        });
        var retention = _archiver is not { } archiver || section.KeepDays <= 0
            ? null
            : new Retention(_history, to => archiver.ArchiveAsync(to, Signing(), CancellationToken.None), TimeSpan.FromDays(section.KeepDays), Unpublished, TimeProvider.System, _log).Start();
        return new Ending(signer, keeper, retention);
    }

    /// <summary>What the journal is to say of the key: that it is new, when it is.</summary>
    public IEnumerable<GatewayEvent> News() => Key.IsNew ? [new SigningKeyMade(Key.Fingerprint, Key.PublicKey)] : [];

    public KeyView KeyView() => new(_appliance.Id, KeyAlgorithm, Key.Fingerprint.ToString(), Key.Pem);

    /// <summary>Writes the period as a bundle.</summary>
    public async Task ExportAsync(string? since, string? until, Stream to, CancellationToken stop)
    {
        var (history, begin, last) = await Records.PeriodAsync(since, until, stop).ConfigureAwait(false);
        await BundleWriter.WriteAsync(history.Journal, begin, last, Signing(), to, stop).ConfigureAwait(false);
    }

    /// <summary>Archives everything up to the moment.</summary>
    public async Task<ArchiveView> ArchiveAsync(string until, CancellationToken stop)
    {
        if (_archiver is null) throw new AskedWrongException("not-supported", "This kind of journal is not archived by the gateway.");
        var position = await Records.PositionAsync(until, stop).ConfigureAwait(false);
        if (position > (Unpublished() ?? long.MaxValue)) throw new AskedWrongException("not-published", $"Events behind position {Unpublished()} are not on the bus yet; archive them when they are.");
        if (await _archiver.ArchiveAsync(position, Signing(), stop).ConfigureAwait(false) is not { } period) return new ArchiveView(null, null, null);
        JournalLog.Archived(_log, period.To, period.Bundle);
        return new ArchiveView(period.From, period.To, period.Bundle);
    }

    public void Dispose() => Key.Dispose();

    /// <summary>How the running gateway holds its own journal to what it knows.</summary>
    private VerifyAgainst Against() => new()
    {
        // The anchor is read first: what is committed meanwhile is behind it.
        Anchor = _path is null ? null : HeadAnchor.Read(SqliteJournal.AnchorPath(_path)),
        Heads = _path is null ? [] : HeadFiles.Read(HeadFiles.HeadsPath(_path)).Heads,
        Key = Key,
    };

    private BundleSigning Signing() => new() { Gateway = _appliance.Id, Key = Key, Heads = _path is null ? [] : HeadFiles.Read(HeadFiles.HeadsPath(_path)).Heads };

    /// <summary>Position up to which a broker has the events; null when there is none to send them to.</summary>
    private long? Unpublished() => _appliance.Bus.Kind == BusKind.Rabbitmq ? new EventCheckpoint(BusParts.CheckpointOf(_appliance)).Position : null;

    private void Publish(string path, string pem)
    {
        try
        {
            if (!File.Exists(path) || File.ReadAllText(path) != pem) File.WriteAllText(path, pem);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            JournalLog.NotSigned(_log, e.Message);
        }
    }

    private sealed class Ending(HeadSigner signer, SnapshotKeeper? keeper, Retention? retention) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            if (retention is not null) await retention.DisposeAsync().ConfigureAwait(false);
            await signer.DisposeAsync().ConfigureAwait(false);
            if (keeper is not null) await keeper.DisposeAsync().ConfigureAwait(false);
        }
    }
}
