using System.Net;
using System.Text;
using Gateway.Crypto;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>A CHILD SA as a dataplane would hold it: with its keys.</summary>
internal sealed record InstalledSa(ChildSaParameters Parameters, Octets InboundKey, Octets OutboundKey)
{
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

    public IkeEngine Engine { get; private set; }

    /// <summary>What a vault would hold.</summary>
    public Dictionary<KeyHandle, Octets> Vault { get; } = [];

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

    public void Load() => Do((now, outputs) => Engine.LoadConnections(Connections, Secrets, now, outputs));

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
        Apply(outputs);
        return result;
    }

    /// <summary>The process dies with all it knows but the vault; another one resumes from there.</summary>
    public void KillAndResume()
    {
        Engine.Dispose();
        Engine = NewEngine();
        Do((now, outputs) => Engine.LoadConnections(Connections, Secrets, now, outputs));
        foreach (var (handle, content) in Vault.ToList())
        {
            if (content.Length < 3 || content.Span[0] != 'I' || content.Span[1] != 'K') continue;
            Assert.True(Engine.Resume(content.Span, out var state, out var error), error);
            Assert.Equal(handle, state!.Peering.Slot);
        }
    }

    /// <summary>Dies and forgets everything.</summary>
    public void Reset()
    {
        Engine.Dispose();
        Engine = NewEngine();
        Installed.Clear();
        foreach (var handle in Vault.Keys.Where(h => Secrets.TrueForAll(s => s.Handle != h)).ToList()) Vault.Remove(handle);
        Do((now, outputs) => Engine.LoadConnections(Connections, Secrets, now, outputs));
    }

    public Secret? Open(KeyHandle handle) => Vault.TryGetValue(handle, out var content) ? Secret.FromBytes(content.Span) : null;

    public void Dispose() => Engine.Dispose();

    private IkeEngine NewEngine() => new(new IkeEngineOptions
    {
        Settings = _settings,
        Entropy = _entropy,
        Secrets = this,
        Numbers = _numbers,
        LocalAddressTowards = _ => Address,
    })
    {
        BetweenSteps = _lab.ResumesAtEveryStep ? ThroughTheVault : null,
    };

    // Every state goes through the form that it has in the vault, so that nothing of it lives in memory only.
    private IkeSaState ThroughTheVault(IkeSaState state)
    {
        if (state is IkeSaState.Gone) return state;
        // Gathered fragments are the one thing that may be lost: the peer sends them again.
        if (state.ChannelOrNull is { Gathering.Received: > 0 }) return state;
        using var content = IkeSaSnapshot.Encode(state);
        Assert.True(IkeSaSnapshot.TryDecode(content.Span, _known.GetValueOrDefault, out var back, out var error), error);
        using var again = IkeSaSnapshot.Encode(back);
        Assert.True(content.FixedTimeEquals(again), "a snapshot does not read back as it was written");
        state.Release();
        return back;
    }

    private void Apply(OutputList outputs)
    {
        LastOutputs.Clear();
        foreach (var output in outputs)
        {
            LastOutputs.Add(output);
            switch (output)
            {
                case IkeOutput.Store store:
                    Vault[store.Slot] = new Octets(store.Content.Span);
                    store.Content.Dispose();
                    break;
                case IkeOutput.Shred shred:
                    Vault.Remove(shred.Slot);
                    break;
                case IkeOutput.Fact fact:
                    Facts.Add(fact.Event);
                    _lab.Trace.Add($"{Name}: {fact.Event.GetType().Name} {fact.Event}");
                    break;
                case IkeOutput.Install install:
                    var p = install.Parameters;
                    Installed[p.Id] = new InstalledSa(p, Vault[p.InboundKey], Vault[p.OutboundKey]) { OutboundHeld = install.OutboundHeld };
                    break;
                case IkeOutput.UseOutbound use:
                    Installed[use.Child].OutboundHeld = false;
                    break;
                case IkeOutput.Update update:
                    Installed[update.Parameters.Id] = Installed[update.Parameters.Id] with { Parameters = update.Parameters };
                    break;
                case IkeOutput.Uninstall uninstall:
                    Assert.True(Installed.Remove(uninstall.Child));
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
}
