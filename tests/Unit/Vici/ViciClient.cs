using System.Buffers.Binary;
using System.Net.Sockets;
using Gateway.Host.Vici.Wire;

namespace Gateway.Unit.Vici;

/// <summary>A client of the vici protocol, written to the description of the protocol and no cleverer than it must be.</summary>
internal sealed class ViciClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 30_000, SendTimeout = 30_000 };

    public ViciClient(string path) => _socket.Connect(new UnixDomainSocketEndPoint(path));

    /// <summary>Events that came while an answer was awaited.</summary>
    public List<ViciPacket> Events { get; } = [];

    public ViciSection Ask(string command, ViciSection? request = null) => Exchange(new ViciPacket(ViciPacketType.Request, command, request ?? [])).Message;

    public ViciPacket Exchange(ViciPacket packet)
    {
        Send(packet.Write()!);
        while (true)
        {
            var answer = Receive() ?? throw new EndOfStreamException();
            if (answer.Type != ViciPacketType.Event) return answer;
            Events.Add(answer);
        }
    }

    public ViciPacketType Register(string name) => Exchange(new ViciPacket(ViciPacketType.Register, name, [])).Type;

    public void Send(byte[] octets) => _socket.Send(octets);

    /// <summary>The next event, awaited.</summary>
    public ViciPacket Event() => Receive() ?? throw new EndOfStreamException();

    /// <summary>The next packet; null when the other side has closed.</summary>
    public ViciPacket? Receive()
    {
        var header = new byte[4];
        if (!Fill(header)) return null;
        var body = new byte[BinaryPrimitives.ReadInt32BigEndian(header)];
        if (!Fill(body) || !ViciPacket.TryRead(body, out var packet)) throw new InvalidDataException();
        return packet;
    }

    public void Dispose() => _socket.Dispose();

    private bool Fill(byte[] buffer)
    {
        try
        {
            for (var at = 0; at < buffer.Length;)
            {
                var read = _socket.Receive(buffer.AsSpan(at), SocketFlags.None);
                if (read == 0) return false;
                at += read;
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return false;
        }

        return true;
    }
}
