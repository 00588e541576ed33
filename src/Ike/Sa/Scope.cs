using System.Buffers.Binary;
using System.Collections.Immutable;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>What the functions of one step share: the moment, the outputs, the timers as they will be. It does not outlive the step.</summary>
internal sealed class Scope(IkeContext context, Timestamp now, OutputList outputs, ImmutableDictionary<TimerId, Timestamp> timers)
{
    /// <summary>RFC 7296 §2.10: at least half the key size of the PRF; 32 octets suit every PRF there is.</summary>
    private const int NonceLength = 32;

    public IkeContext Context => context;

    public IkeSettings Settings => context.Settings;

    public IDirectory Directory => context.Directory;

    public Timestamp Now => now;

    public OutputList Outputs => outputs;

    public ImmutableDictionary<TimerId, Timestamp> Timers { get; private set; } = timers;

    /// <summary>Whether what the vault holds of the SA is out of date.</summary>
    public bool MustStore { get; set; }

    public void Add(IkeOutput output) => outputs.Add(output);

    public void Fact(GatewayEvent fact) => outputs.Add(new IkeOutput.Fact(fact));

    /// <summary>Tells those who watch of a message.</summary>
    public void Trace(Peering peering, Func<MessageTrace> message)
    {
        if (Settings.Trace.IsOn) outputs.Add(new IkeOutput.Traced(peering.Id, peering.Connection.Name, message()));
    }

    public void Drop(IkeDrop reason) => outputs.Add(new IkeOutput.Drop(reason));

    public void Set(TimerKind kind, TimeSpan after, ulong number = 0)
    {
        var id = new TimerId(kind, number);
        Timers = Timers.SetItem(id, now + after);
        outputs.Add(new IkeOutput.SetTimer(id, now + after));
    }

    public void Cancel(TimerKind kind, ulong number = 0)
    {
        var id = new TimerId(kind, number);
        if (!Timers.ContainsKey(id)) return;
        Timers = Timers.Remove(id);
        outputs.Add(new IkeOutput.CancelTimer(id));
    }

    /// <summary>A timer that ran out runs no more.</summary>
    public void Elapsed(TimerId id) => Timers = Timers.Remove(id);

    public void CancelAll()
    {
        foreach (var id in Timers.Keys.OrderBy(t => t.Kind).ThenBy(t => t.Number)) outputs.Add(new IkeOutput.CancelTimer(id));
        Timers = Timers.Clear();
    }

    public Octets Nonce()
    {
        Span<byte> nonce = stackalloc byte[NonceLength];
        context.Entropy.Fill(nonce);
        return new Octets(nonce);
    }

    public KeyHandle NewHandle()
    {
        Span<byte> bytes = stackalloc byte[16];
        context.Entropy.Fill(bytes);
        return new KeyHandle(BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    public Spi NewSpi()
    {
        Span<byte> bytes = stackalloc byte[4];
        while (true)
        {
            context.Entropy.Fill(bytes);
            var spi = new Spi(BinaryPrimitives.ReadUInt32BigEndian(bytes));
            if (!spi.IsReserved && !context.Directory.IsTaken(spi)) return spi;
        }
    }

    public IkeSpi NewIkeSpi()
    {
        Span<byte> bytes = stackalloc byte[8];
        while (true)
        {
            context.Entropy.Fill(bytes);
            var spi = new IkeSpi(BinaryPrimitives.ReadUInt64BigEndian(bytes));
            if (!spi.IsNone && !context.Directory.IsTaken(spi)) return spi;
        }
    }

    /// <summary>A random time below <paramref name="limit"/>.</summary>
    public TimeSpan Random(TimeSpan limit)
    {
        Span<byte> bytes = stackalloc byte[4];
        context.Entropy.Fill(bytes);
        return limit * (BinaryPrimitives.ReadUInt32BigEndian(bytes) / (uint.MaxValue + 1.0));
    }

    /// <summary>A random number of at most <paramref name="most"/>.</summary>
    public ulong Random(ulong most)
    {
        Span<byte> bytes = stackalloc byte[8];
        context.Entropy.Fill(bytes);
        return (ulong)(((UInt128)BinaryPrimitives.ReadUInt64BigEndian(bytes) * ((UInt128)most + 1)) >> 64);
    }

    public void Send(Peering peering, ReadOnlySpan<byte> message)
    {
        var payload = peering.Natt ? NonEspMarker.Prepend(message) : message.ToArray();
        outputs.Add(new IkeOutput.Send(peering.Local, peering.Remote, payload) { Dscp = peering.Connection.Dscp });
    }
}
