using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>Lets a device receive what is for any address, for as long as this object lives: a packet socket that takes no packets itself.</summary>
internal sealed class PromiscuousMode : IDisposable
{
    private readonly Descriptor _fd;

    public PromiscuousMode(int device)
    {
        const int addMembership = 1;
        _fd = Libc.OpenSocket(Libc.AfPacket, Libc.SockRaw, 0);
        try
        {
            // struct packet_mreq: index, type promiscuous, no address.
            Span<int> membership = [device, 1, 0, 0];
            Libc.SetOption(_fd, Libc.SolPacket, addMembership, MemoryMarshal.AsBytes(membership), "promiscuous mode");
        }
        catch
        {
            _fd.Dispose();
            throw;
        }
    }

    public void Dispose() => _fd.Dispose();
}
