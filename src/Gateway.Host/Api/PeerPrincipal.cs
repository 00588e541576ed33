using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Gateway.Host.Tls;
using Gateway.Policy.Journal;
using Microsoft.AspNetCore.Connections.Features;

namespace Gateway.Host.Api;

/// <summary>
/// Who is at the other end of an HTTP connection: on the Unix socket the uid that the kernel vouches for, with TLS the common name of the client's
/// certificate, on plain loopback nobody in particular.
/// </summary>
internal static class PeerPrincipal
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;

    /// <summary>The principal of unproved peers: they may read, not command.</summary>
    public static Principal Anonymous { get; } = new("http", "-");

    public static Principal Of(HttpContext context)
    {
        if (context.Connection.ClientCertificate is { } certificate) return CommonName.Of(certificate) is { } name ? new Principal("http", "cn:" + name) : Anonymous;
        return context.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket ? OfSocket(socket, "http") ?? Anonymous : Anonymous;
    }

    /// <summary>Who is at the other end of a Unix socket; null when the kernel does not say.</summary>
    public static Principal? OfSocket(Socket socket, string door)
    {
        if (socket.AddressFamily != AddressFamily.Unix) return null;
        Span<byte> credentials = stackalloc byte[12];
        return socket.GetRawSocketOption(SolSocket, SoPeerCred, credentials) == 12
            ? new Principal(door, "uid:" + MemoryMarshal.Cast<byte, int>(credentials)[1].ToString(CultureInfo.InvariantCulture))
            : null;
    }
}
