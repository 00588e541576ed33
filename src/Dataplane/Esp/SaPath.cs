using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// The outer headers of an SA, made once: IP, and UDP with encapsulation (RFC 3948 §3.1). Native and immutable: when an endpoint moves, the SA gets a new one.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SaPath
{
    /// <summary>Hop limit of outer packets (RFC 4301 §5.1.2: constructed, not copied).</summary>
    public const byte Ttl = 64;

    /// <summary>IP and UDP headers with zero lengths and checksums.</summary>
    public fixed byte Header[48];

    /// <summary>Bytes of <see cref="Header"/> in use: 20, 28, 40 or 48.</summary>
    public int HeaderLength;

    /// <summary>Bytes of the IP header: 20 or 40.</summary>
    public int IpLength;

    /// <summary>IPv4: the sum of the header's words as they are here; 0 with IPv6.</summary>
    public uint Sum;
    public ushort RemotePort;
    public bool V6;
    public bool Udp;

    /// <summary>The UDP header needs a checksum: over IPv6 (RFC 8200 §8.1).</summary>
    public readonly bool SumsUdp => V6 && Udp;

    /// <summary>The peer, host order; IPv4 in the low 32 bits.</summary>
    public UInt128 Remote;

    /// <summary>Never that of another path of this process, also not of one that lay in the same place.</summary>
    public ulong Number;
    private static ulong _last;

    public static SaPath* Create(IPAddress local, IPAddress remote, UdpEncapsulation? encapsulation)
    {
        var path = (SaPath*)NativeMemory.AlignedAlloc((nuint)sizeof(SaPath), 64);
        *path = default;
        path->Number = Interlocked.Increment(ref _last);
        var header = new Span<byte>(path->Header, 48);
        path->V6 = local.AddressFamily == AddressFamily.InterNetworkV6;
        path->IpLength = path->V6 ? 40 : 20;
        path->Udp = encapsulation is not null;
        path->HeaderLength = path->IpLength + (path->Udp ? 8 : 0);
        byte protocol = path->Udp ? (byte)17 : (byte)50;
        if (path->V6)
        {
            header[0] = 0x60;
            header[6] = protocol;
            header[7] = Ttl;
            local.TryWriteBytes(header[8..], out _);
            remote.TryWriteBytes(header[24..], out _);
            path->Remote = BinaryPrimitives.ReadUInt128BigEndian(header[24..]);
        }
        else
        {
            header[0] = 0x45;
            header[8] = Ttl;
            header[9] = protocol;
            local.TryWriteBytes(header[12..], out _);
            remote.TryWriteBytes(header[16..], out _);
            path->Remote = BinaryPrimitives.ReadUInt32BigEndian(header[16..]);
        }
        if (encapsulation is { } udp)
        {
            BinaryPrimitives.WriteUInt16BigEndian(header[path->IpLength..], udp.LocalPort);
            BinaryPrimitives.WriteUInt16BigEndian(header[(path->IpLength + 2)..], udp.RemotePort);
            path->RemotePort = udp.RemotePort;
        }
        if (!path->V6)
            for (var i = 0; i < path->IpLength; i += 2) path->Sum += BinaryPrimitives.ReadUInt16BigEndian(header[i..]);
        return path;
    }
}
