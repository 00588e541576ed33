using System.Net;
using Gateway.Host.Journal;
using Gateway.Host.Journal.Heads;
using Gateway.Host.Journal.History;
using Gateway.Host.Journal.Snapshots;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;
using Gateway.Unit.Policy.Events;
using Microsoft.Data.Sqlite;

namespace Gateway.Unit.Journal;

/// <summary>A journal on disk in a folder of its own, filled as a gateway would, with whatever times a test likes.</summary>
internal sealed class JournalWorld : IDisposable
{
    public static readonly DateTimeOffset Begin = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<Envelope> _batch = [];
    private JournalHead _head = JournalHead.Empty;

    public string Folder { get; } = Directory.CreateTempSubdirectory("gateway-journal-").FullName;

    public string Db => Path.Combine(Folder, "journal.db");

    public string Archive => Path.Combine(Folder, "archive");

    public HeadKey Key { get; } = HeadKey.Create();

    public JournalHead Head => _head;

    /// <summary>Time of the next event; a minute later after each.</summary>
    public DateTimeOffset Clock { get; set; } = Begin;

    public long Revision { get; private set; }

    public SnapshotStore Snapshots() => new(SnapshotStore.FolderOf(Db), "gw", Key);

    /// <summary>Puts into the next transaction's place: nothing is stored before <see cref="StoreAsync"/>.</summary>
    public JournalWorld Add(GatewayEvent e, Principal? principal = null, string? command = null, string? issuer = null)
    {
        var (name, data) = EventCatalog.Encode(e);
        return Add(name, data, e.Subject, principal, command, issuer);
    }

    /// <summary>An event as another version of the gateway may have written it.</summary>
    public JournalWorld Add(string name, Octets data, string subject, Principal? principal = null, string? command = null, string? issuer = null)
    {
        var envelope = new Envelope
        {
            Position = _head.Position + 1,
            Subject = subject,
            Name = name,
            Time = Clock,
            Principal = principal ?? Principal.Gateway,
            CommandId = command,
            Issuer = issuer,
            Data = data,
            Hash = Octets.Empty,
        };
        envelope = envelope with { Hash = HashChain.Next(_head.Hash, envelope) };
        _head = new JournalHead(envelope.Position, envelope.Hash);
        _batch.Add(envelope);
        Clock += TimeSpan.FromMinutes(1);
        return this;
    }

    /// <summary>A transaction of one put or delete per event, and its commit.</summary>
    public JournalWorld Commit(string? reason, Principal? principal, string? command, params GatewayEvent[] changes)
    {
        foreach (var change in changes) Add(change, principal, command, "test");
        return Add(new TransactionCommitted(++Revision, changes.Length, reason), principal, command, "test");
    }

    public JournalWorld Commit(params GatewayEvent[] changes) => Commit(null, null, null, changes);

    public async Task<JournalWorld> StoreAsync()
    {
        await using var journal = new SqliteJournal(Db, "gw");
        await journal.OpenAsync(CancellationToken.None);
        await journal.AppendAsync(new AppendBatch([.. _batch], [], Durability.Synced), CancellationToken.None);
        _batch.Clear();
        return this;
    }

    /// <summary>Signs the present end into the file beside the journal.</summary>
    public JournalWorld Sign()
    {
        HeadFiles.Append(HeadFiles.HeadsPath(Db), SignedHead.Sign("gw", _head, Clock, Key), synced: false);
        return this;
    }

    /// <summary>Many events of all sorts, the same for the same seed.</summary>
    public JournalWorld Random(int seed, int count)
    {
        var random = new Random(seed);
        var samples = EventSamples.ByName.Values.ToList();
        while (count-- > 0)
        {
            switch (random.Next(6))
            {
                case 0 or 1:
                    Commit([.. Enumerable.Range(0, random.Next(0, 4)).Select(i => random.Next(4) == 0 ? (GatewayEvent)new ItemDeleted(new("policy", $"p{random.Next(20)}")) : Policy($"p{random.Next(20)}", random.Next(5)))]);
                    break;
                case 2:
                    Add(Ike((ulong)random.Next(1, 30)));
                    break;
                case 3:
                    Add(Child((ulong)random.Next(1, 60), (ulong)random.Next(1, 30)));
                    break;
                case 4:
                    Add(random.Next(4) switch
                    {
                        0 => new IkeSaClosed(new((ulong)random.Next(1, 30)), new("c"), "x"),
                        1 => new ChildSaClosed(new((ulong)random.Next(1, 60)), new(1), new("c"), new("n"), "x"),
                        2 => new ChildSasInherited(new((ulong)random.Next(1, 30)), new((ulong)random.Next(1, 30))),
                        _ => new SaLost(new((ulong)random.Next(1, 30)), "x"),
                    });
                    break;
                default:
                    Add(samples[random.Next(samples.Count)] is TransactionCommitted ? new GatewayStopped("x") : samples[random.Next(samples.Count)] is var e && e is TransactionCommitted ? new GatewayStopped("x") : e);
                    break;
            }
        }

        return this;
    }

    public static ItemPut Policy(string name, int priority = 0) => new(new("policy", name), new PolicySpec { Action = PolicyAction.Bypass, Priority = priority });

    public static ItemPut Route(string name, string to, string via) => new(new("route", name), new RouteSpec { To = IpPrefix.TryParse(to, out var prefix) ? prefix : throw new FormatException(to), Via = IPAddress.Parse(via) });

    public static IkeSaEstablished Ike(ulong id, string connection = "c") => (IkeSaEstablished)EventSamples.ByName["ike.sa-established.v1"] with { Id = new(id), Connection = new(connection) };

    public static ChildSaInstalled Child(ulong id, ulong ike, string connection = "c")
    {
        var sample = (ChildSaInstalled)EventSamples.ByName["ike.child-installed.v1"];
        return sample with { Parameters = sample.Parameters with { Id = new(id), IkeSa = new(ike), Connection = new(connection), Child = new("net") } };
    }

    /// <summary>Changes the database behind the gateway's back.</summary>
    public void Tamper(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Db};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>Changes an event and all hashes behind it, so that the chain holds again.</summary>
    public async Task ForgeAsync(long position, Octets data)
    {
        var events = new List<Envelope>();
        await using (var journal = SqliteJournal.OpenForReading(Db))
        {
            await foreach (var e in journal.ReadAsync(1, CancellationToken.None)) events.Add(e);
        }

        var hash = HashChain.Genesis;
        using var connection = new SqliteConnection($"Data Source={Db};Pooling=False");
        connection.Open();
        foreach (var old in events)
        {
            var forged = old.Position == position ? old with { Data = data } : old;
            hash = HashChain.Next(hash, forged);
            using var command = connection.CreateCommand();
            command.CommandText = "UPDATE events SET data=$data, hash=$hash WHERE position=$position";
            command.Parameters.AddWithValue("$data", forged.Data.Span.ToArray());
            command.Parameters.AddWithValue("$hash", hash.Span.ToArray());
            command.Parameters.AddWithValue("$position", old.Position);
            command.ExecuteNonQuery();
        }
    }

    public void Dispose()
    {
        Key.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
