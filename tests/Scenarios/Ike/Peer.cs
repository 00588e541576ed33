using System.Net;
using System.Text;
using Gateway.Crypto;
using Gateway.Host.Ike;
using Gateway.Ike.Eap;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;
using Gateway.Projections;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>A CHILD SA as a dataplane would hold it: with its keys.</summary>
internal sealed record InstalledSa(ChildSaParameters Parameters, Octets InboundKey, Octets OutboundKey)
{
    public required EspSender Sender { get; init; }

    public bool OutboundHeld { get; set; }
}

/// <summary>One side: an engine, and a Host that does what it is told in the order it is told.</summary>
internal sealed class Peer : ISecretSource, IDisposable
{
    private readonly Lab _lab;
    private readonly SaNumbers _numbers = new(0, 0);
    private readonly IkeSettings _settings;
    private readonly SeededEntropy _entropy;
    private readonly Dictionary<ConnectionName, Connection> _known = [];

    public Peer(Lab lab, string name, IPAddress address, int seed, IkeSettings settings)
    {
        (_lab, Name, Address, _settings, _entropy) = (lab, name, address, settings, new SeededEntropy(seed));
        Engine = NewEngine();
    }

    public string Name { get; }

    public IPAddress Address { get; }

    /// <summary>The own address by which packets leave now, when it is another one.</summary>
    public IPAddress? Way { get; set; }

    /// <summary>Further addresses that it receives at.</summary>
    public List<IPAddress> Others { get; } = [];

    public IkeEngine Engine { get; private set; }

    /// <summary>What a vault would hold.</summary>
    public Dictionary<KeyHandle, Octets> Vault { get; } = [];

    /// <summary>Hot state of CHILD SAs, in the slot of their inbound key.</summary>
    public Dictionary<KeyHandle, nint> Hot { get; } = [];

    /// <summary>The process dies, and another one goes on, as soon as it has carried out so many outputs more.</summary>
    public int? DiesAfter { get; set; }

    public int Deaths { get; private set; }

    public Dictionary<ChildSaId, InstalledSa> Installed { get; } = [];

    public List<GatewayEvent> Facts { get; } = [];

    /// <summary>Kinds of outputs of the last call, in order.</summary>
    public List<IkeOutput> LastOutputs { get; } = [];

    public List<IkeOutput.Ask> Questions { get; } = [];

    public List<Connection> Connections { get; } = [];

    public List<SharedSecret> Secrets { get; } = [];

    public IReadOnlyList<IkeSaView> Sas => Engine.Sas(_lab.Now);

    public IEnumerable<T> FactsOf<T>()
        where T : GatewayEvent => Facts.OfType<T>();

    public void Configure(ConnectionSpec spec, string name = "lab")
    {
        Assert.True(ConnectionCompiler.TryCompile(new ConnectionName(name), spec, out var connection, out var error), error);
        Connections.RemoveAll(c => c.Name == connection.Name);
        Connections.Add(connection);
        _known[connection.Name] = connection;
        Load();
    }

    public void Share(string secret, params string[] ids)
    {
        var handle = new KeyHandle((UInt128)(ulong)(Secrets.Count + 1));
        Vault[handle] = Encoding.UTF8.GetBytes(secret);
        Secrets.RemoveAll(s => s.Handle == handle);
        Secrets.Add(new SharedSecret(ids.Select(id => Identity.TryParse(id, out var parsed) ? parsed : throw new FormatException(id)).ToValueList(), handle));
        Load();
    }

    public List<AddressPool> Pools { get; } = [];

    /// <summary>Addresses that peers gave this one.</summary>
    public HashSet<IPAddress> OwnAddresses { get; } = [];

    public void Lend(string name, PoolSpec spec)
    {
        Assert.True(AddressPool.TryCompile(name, spec, out var pool));
        Pools.RemoveAll(p => p.Name == name);
        Pools.Add(pool);
        Engine.LoadPools(Pools);
    }

    /// <summary>What the facts say of leases.</summary>
    public IReadOnlyList<LeaseEntry> Leases() => [.. Envelopes().Aggregate(LeaseBook.Empty, (book, e) => book.Apply(e)).Leases.Values.OrderBy(l => l.Address.ToString(), StringComparer.Ordinal)];

    public void Load() => Do((now, outputs) =>
    {
        Engine.LoadCredentials(Credentials.All);
        Engine.LoadConnections(Connections, Secrets, now, outputs);
    });

    public bool Initiate(string? child = "net", string connection = "lab") =>
        Do((now, outputs) => Engine.Initiate(new ConnectionName(connection), child is null ? null : new ChildName(child), now, outputs));

    public bool Rekey(string? child = null, string connection = "lab") =>
        Do((now, outputs) => Engine.Rekey(new ConnectionName(connection), child is null ? null : new ChildName(child), now, outputs));

    public bool Terminate(string? child = null, string connection = "lab") =>
        Do((now, outputs) => Engine.Terminate(new ConnectionName(connection), child is null ? null : new ChildName(child), "terminated", now, outputs));

    public void Do(Action<Timestamp, OutputList> call) => Do((now, outputs) =>
    {
        call(now, outputs);
        return true;
    });

    public T Do<T>(Func<Timestamp, OutputList, T> call)
    {
        var outputs = new OutputList();
        var result = call(_lab.Now, outputs);
        try
        {
            Apply(outputs);
        }
        catch (DiedException)
        {
            KillAndResume();
        }

        return result;
    }

    /// <summary>The process dies with all it knows but the vault and the journal; another one resumes from there.</summary>
    public void KillAndResume()
    {
        DiesAfter = null;
        Deaths++;
        _lab.Trace.Add($"{_lab.Now} {Name} dies");
        Engine.Dispose();
        foreach (var sa in Installed.Values) sa.Sender.Dispose();
        Installed.Clear();
        Engine = NewEngine();
        Engine.LoadCredentials(Credentials.All);
        var inventory = Inventory();
        var ended = Facts.OfType<IkeSaClosed>().Select(f => f.Id).Concat(Facts.OfType<SaLost>().Select(f => f.Id)).ToHashSet();
        var slots = Vault.Where(v => IsSnapshot(v.Value)).Select(v => (v.Key, Content: Secret.FromBytes(v.Value.Span))).ToList();
        var outputs = new OutputList();
        var report = Engine.Resume(Connections, slots, SaRecords.Of(inventory, ended), Vault.ContainsKey, _lab.Now, outputs);
        foreach (var (_, content) in slots) content.Dispose();
        Assert.Empty(report.Refused);
        var kept = outputs.OfType<IkeOutput.Install>().SelectMany(i => new[] { i.Parameters.InboundKey, i.Parameters.OutboundKey }).ToHashSet();
        Engine.RestoreLeases(Leases().Select(l => new JournalledLease(l.Pool, l.Address, l.Identity, l.Online)), outputs);
        Engine.LoadPools(Pools);
        OwnAddresses.Clear();
        Apply(outputs);
        foreach (var (handle, content) in Vault.ToList())
            if (!IsSnapshot(content) && !kept.Contains(handle) && Secrets.TrueForAll(s => s.Handle != handle)) Shred(handle);
        Load();
    }

    /// <summary>What the facts say is up.</summary>
    public SaInventory Inventory() => Envelopes().Aggregate(SaInventory.Empty, (state, e) => state.Apply(e));

    private IEnumerable<JournalEvent> Envelopes() => Facts.Select((e, i) => new JournalEvent(
        new Envelope
        {
            Position = i + 1,
            Subject = e.Subject,
            Name = "",
            Time = DateTimeOffset.UnixEpoch,
            Principal = Principal.Gateway,
            Data = Octets.Empty,
            Hash = Octets.Empty,
        }, e));

    /// <summary>A packet over every SA that may send.</summary>
    public IEnumerable<(Octets Key, ulong Sequence)> SendEsp() => [.. Installed.Values.Where(s => !s.OutboundHeld).Select(s => (s.OutboundKey, s.Sender.Next()))];

    /// <summary>Dies and forgets everything.</summary>
    public void Reset()
    {
        Engine.Dispose();
        Engine = NewEngine();
        foreach (var sa in Installed.Values) sa.Sender.Dispose();
        Installed.Clear();
        Facts.Clear();
        foreach (var handle in Vault.Keys.Where(h => Secrets.TrueForAll(s => s.Handle != h)).ToList()) Shred(handle);
        Load();
    }

    /// <summary>Sees every state between two steps; it is not its own.</summary>
    public Action<IkeSaState>? Watch { get; set; }

    /// <summary>Certificates, keys and passwords; what the vault holds of them lies apart.</summary>
    public TestCredentials Credentials { get; } = new();

    public Secret? Open(KeyHandle handle) => Credentials.Open(handle) ?? (Vault.TryGetValue(handle, out var content) ? Secret.FromBytes(content.Span) : null);

    public void Dispose()
    {
        Engine.Dispose();
        foreach (var sa in Installed.Values) sa.Sender.Dispose();
        foreach (var hot in Hot.Values) EspSender.Free(hot);
        Hot.Clear();
    }

    /// <summary>When CHILD SAs last carried a packet, as the dataplane would say.</summary>
    public Dictionary<ChildSaId, Timestamp> LastPackets { get; } = [];

    /// <summary>How often the engine asked for it.</summary>
    public int AskedOfTraffic { get; private set; }

    private IkeEngine NewEngine() => new(new IkeEngineOptions
    {
        Settings = _settings,
        Entropy = _entropy,
        Secrets = this,
        Numbers = _numbers,
        LocalAddressTowards = _ => Way ?? Address,
        LastCarried = (child, _) =>
        {
            AskedOfTraffic++;
            return LastPackets.TryGetValue(child, out var at) ? at : null;
        },
        TimeOfDay = _ => TestPki.Now,
    })
    {
        BetweenSteps = s =>
        {
            Watch?.Invoke(s);
            return _lab.ResumesAtEveryStep ? ThroughTheVault(s) : s;
        },
    };

    // Every state goes through the form that it has in the vault, so that nothing of it lives in memory only.
    private IkeSaState ThroughTheVault(IkeSaState state)
    {
        if (state is IkeSaState.Gone) return state;
        // Gathered fragments are the one thing that may be lost: the peer sends them again.
        if (state.ChannelOrNull is { Gathering.Received: > 0 }) return state;
        // So may a TLS session: the peer begins again.
        if (state is IkeSaState.Connecting.AuthSent { Login.Eap.Stage: EapStage.Tls } or IkeSaState.Connecting.InitAnswered { Login.Eap.Stage: EapStage.Tls }) return state;
        using var content = IkeSaSnapshot.Encode(state);
        Assert.True(IkeSaSnapshot.TryDecode(content.Span, _known.GetValueOrDefault, out var back, out var error), error);
        using var again = IkeSaSnapshot.Encode(back);
        Assert.True(content.FixedTimeEquals(again), "a snapshot does not read back as it was written");
        state.Release();
        return back;
    }

    /// <remarks>Longer than any key, one of which in 65,536 begins with the same letters.</remarks>
    private static bool IsSnapshot(Octets content) => content.Length > LongestKey && content.Span[0] == 'I' && content.Span[1] == 'K';

    /// <summary>Of a CHILD SA's direction, with cipher and integrity; the shortest snapshot is longer.</summary>
    private const int LongestKey = 100;

    private void Shred(KeyHandle handle)
    {
        Vault.Remove(handle);
        if (Hot.Remove(handle, out var hot)) EspSender.Free(hot);
    }

    // As the Host does it: all slots, then all facts in one append, then the rest in order.
    private void Apply(OutputList outputs)
    {
        LastOutputs.Clear();
        foreach (var store in outputs.OfType<IkeOutput.Store>())
        {
            LiveOn();
            LastOutputs.Add(store);
            Vault[store.Slot] = new Octets(store.Content.Span);
            store.Content.Dispose();
        }

        if (outputs.OfType<IkeOutput.Fact>().Any()) LiveOn();
        foreach (var fact in outputs.OfType<IkeOutput.Fact>())
        {
            LastOutputs.Add(fact);
            Facts.Add(fact.Event);
            _lab.Trace.Add($"{Name}: {fact.Event.GetType().Name} {fact.Event}");
        }

        foreach (var output in outputs.Where(o => o is not (IkeOutput.Store or IkeOutput.Fact)))
        {
            LiveOn();
            LastOutputs.Add(output);
            switch (output)
            {
                case IkeOutput.AddAddress add:
                    OwnAddresses.Add(add.Address);
                    break;
                case IkeOutput.RemoveAddress remove:
                    OwnAddresses.Remove(remove.Address);
                    break;
                case IkeOutput.Shred shred:
                    Shred(shred.Slot);
                    break;
                case IkeOutput.Install install:
                    var p = install.Parameters;
                    if (!Hot.TryGetValue(p.InboundKey, out var hot)) Hot.Add(p.InboundKey, hot = EspSender.NewHotState());
                    Installed[p.Id] = new InstalledSa(p, Vault[p.InboundKey], Vault[p.OutboundKey]) { OutboundHeld = install.OutboundHeld, Sender = new EspSender(hot) };
                    break;
                case IkeOutput.UseOutbound use:
                    Installed[use.Child].OutboundHeld = false;
                    break;
                case IkeOutput.Update update:
                    Installed[update.Parameters.Id] = Installed[update.Parameters.Id] with { Parameters = update.Parameters };
                    break;
                case IkeOutput.Uninstall uninstall:
                    Assert.True(Installed.Remove(uninstall.Child, out var gone));
                    gone.Sender.Dispose();
                    break;
                case IkeOutput.Send send:
                    _lab.Send(this, new Packet(send.Local, send.Remote, send.Payload.ToArray()));
                    break;
                case IkeOutput.Ask ask:
                    Questions.Add(ask);
                    break;
                default:
                    Assert.Fail($"The engine left {output} to the Host.");
                    break;
            }
        }
    }

    private void LiveOn()
    {
        if (DiesAfter is null) return;
        if (DiesAfter == 0) throw new DiedException();
        DiesAfter--;
    }

    private sealed class DiedException : Exception;
}
