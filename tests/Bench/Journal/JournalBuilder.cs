using System.Globalization;
using System.Net;
using Gateway.Host.Journal;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;

namespace Gateway.Bench.Journal;

/// <summary>
/// Makes a journal such as years of work leave: a few hundred items that are changed now and then, and the SAs of a thousand branches that are set up,
/// rekeyed and closed all the time. The events are those that the gateway itself writes, encoded and chained as it does.
/// </summary>
/// <param name="begin">Time of the first event; null = 2030.</param>
/// <param name="revision">Revisions that the journal has already.</param>
internal sealed class JournalBuilder(DateTimeOffset? begin = null, long revision = 0)
{
    private const int Branches = 1000;
    private readonly DateTimeOffset _begin = begin ?? new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly Principal _orchestrator = new("bus", "user:onap");
    private readonly Random _random = new(7);
    private readonly List<Envelope> _batch = [];
    private readonly ulong[] _ike = new ulong[Branches];
    private readonly ulong[] _child = new ulong[Branches];
    private JournalHead _head = JournalHead.Empty;
    private ulong _lastSa;
    private long _revision = revision;
    private long _seconds;

    /// <summary>Revisions that the journal has.</summary>
    public long Revision => _revision;

    /// <summary>Fills the journal at <paramref name="path"/> up to <paramref name="events"/> events; with <paramref name="sasLive"/> the branches' SAs are alive at its end.</summary>
    /// <param name="path">A new database, or one to go on with.</param>
    /// <param name="owner">Id of the gateway.</param>
    /// <param name="events">How many.</param>
    /// <param name="sasLive">False: what was set up is closed.</param>
    /// <param name="first">Items of the first transaction.</param>
    public async Task<JournalHead> FillAsync(string path, string owner, long events, bool sasLive = true, IReadOnlyList<ItemPut>? first = null)
    {
        var journal = new SqliteJournal(path, owner);
        await using (journal.ConfigureAwait(false))
        {
            _head = await journal.OpenAsync(CancellationToken.None).ConfigureAwait(false);
            if (first is not null) Commit(first);
            while (_head.Position < events - (sasLive ? 3 : (2 * Branches) + 10))
            {
                Some();
                if (_batch.Count >= 20_000) await FlushAsync(journal).ConfigureAwait(false);
            }

            for (var branch = 0; branch < Branches && !sasLive; branch++) Close(branch);
            while (_head.Position < events) Add(new GatewayStopped("padding"), Principal.Gateway, null);
            await FlushAsync(journal).ConfigureAwait(false);
            return _head;
        }
    }

    private async Task FlushAsync(SqliteJournal journal)
    {
        await journal.AppendAsync(new AppendBatch([.. _batch], [], Durability.Synced), CancellationToken.None).ConfigureAwait(false);
        _batch.Clear();
    }

    // One in five events belongs to a transaction; the rest is the life of SAs.
    private void Some()
    {
        _seconds += _random.Next(1, 60);
        if (_random.Next(8) == 0) Commit([.. Enumerable.Range(0, _random.Next(1, 4)).Select(_ => Route(_random.Next(300)))]);
        else Rekey(_random.Next(Branches));
    }

    private void Commit(IReadOnlyList<ItemPut> puts)
    {
        var command = $"order-{_revision + 1}";
        foreach (var put in puts.DistinctBy(p => p.Key)) Add(put, _orchestrator, command);
        Add(new TransactionCommitted(++_revision, puts.DistinctBy(p => p.Key).Count(), "scheduled change"), _orchestrator, command);
    }

    private ItemPut Route(int i) => new(
        new ItemKey(ItemCatalog.Route, $"r{i}"),
        new RouteSpec { To = Prefix($"10.{i / 250 + 200}.{i % 250}.0/24"), Via = IPAddress.Parse($"198.51.100.{_random.Next(2, 250).ToString(CultureInfo.InvariantCulture)}") });

    private static IpPrefix Prefix(string text) => IpPrefix.TryParse(text, out var prefix) ? prefix : throw new FormatException(text);

    private void Rekey(int branch)
    {
        var connection = new ConnectionName($"branch{branch}");
        if (_ike[branch] == 0)
        {
            _ike[branch] = ++_lastSa;
            Add(Established(branch, connection), new Principal("ike", "-"), null);
        }
        else if (_random.Next(12) == 0)
        {
            Close(branch);
            return;
        }

        var (old, fresh) = (_child[branch], ++_lastSa);
        Add(Installed(branch, connection, fresh, old), new Principal("ike", "-"), null);
        if (old != 0) Add(new ChildSaClosed(new(old), new(_ike[branch]), connection, new("net"), "rekeyed", 123_456, 234_567, 1234, 2345), new Principal("ike", "-"), null);
        _child[branch] = fresh;
    }

    private void Close(int branch)
    {
        if (_ike[branch] == 0) return;
        Add(new IkeSaClosed(new(_ike[branch]), new($"branch{branch}"), "deleted-by-peer"), new Principal("ike", "-"), null);
        (_ike[branch], _child[branch]) = (0, 0);
    }

    private IkeSaEstablished Established(int branch, ConnectionName connection) => new()
    {
        Id = new(_ike[branch]),
        Connection = connection,
        Initiator = branch % 2 == 0,
        InitiatorSpi = Spi64(),
        ResponderSpi = Spi64(),
        LocalAddress = IPAddress.Parse("198.51.100.1"),
        LocalPort = 500,
        RemoteAddress = new IPAddress([203, 0, (byte)(branch / 250), (byte)(branch % 250 + 1)]),
        RemotePort = 500,
        LocalId = "gw.example",
        RemoteId = $"branch{branch}.example",
        Proposal = "aes128gcm16-prfsha256-x25519",
        Authentication = "psk",
        Slot = new KeyHandle((UInt128)_lastSa << 64),
    };

    private ChildSaInstalled Installed(int branch, ConnectionName connection, ulong id, ulong replaces) => new(
        new ChildSaParameters
        {
            Id = new(id),
            IkeSa = new(_ike[branch]),
            Connection = connection,
            Child = new("net"),
            InboundSpi = new((uint)_random.Next()),
            OutboundSpi = new((uint)_random.Next()),
            LocalAddress = IPAddress.Parse("198.51.100.1"),
            RemoteAddress = new IPAddress([203, 0, (byte)(branch / 250), (byte)(branch % 250 + 1)]),
            Transforms = new EspTransforms(20, 128),
            InboundKey = new KeyHandle(id),
            OutboundKey = new KeyHandle((UInt128)id << 32),
            LocalSelectors = [TrafficSelector.OfPrefix(IPAddress.Parse("10.1.0.0"), 24)],
            RemoteSelectors = [TrafficSelector.OfPrefix(new IPAddress([10, (byte)(100 + branch / 250), (byte)(branch % 250), 0]), 24)],
            Lifetime = new SaLifetime(1UL << 30, 1UL << 31, 0, 0),
        },
        "aes128gcm16-x25519",
        replaces == 0 ? null : new ChildSaId(replaces));

    private string Spi64() => _random.NextInt64().ToString("x16", CultureInfo.InvariantCulture);

    private void Add(GatewayEvent e, Principal principal, string? command)
    {
        var (name, data) = EventCatalog.Encode(e);
        var envelope = new Envelope
        {
            Position = _head.Position + 1,
            Subject = e.Subject,
            Name = name,
            Time = _begin.AddSeconds(_seconds),
            CommandId = command,
            Principal = principal,
            Issuer = command is null ? null : "onap",
            Data = data,
            Hash = Octets.Empty,
        };
        envelope = envelope with { Hash = HashChain.Next(_head.Hash, envelope) };
        _head = new JournalHead(envelope.Position, envelope.Hash);
        _batch.Add(envelope);
    }
}
