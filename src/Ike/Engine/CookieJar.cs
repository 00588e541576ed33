using System.Net;
using Gateway.Crypto;
using Gateway.Ike.Keys;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Engine;

/// <summary>Cookies under a secret that changes from time to time; those of the secret before are still taken (RFC 7296 §2.6).</summary>
internal sealed class CookieJar(IEntropy entropy) : IDisposable
{
    private static readonly TimeSpan _life = TimeSpan.FromMinutes(2);

    private Secret? _current;
    private Secret? _previous;
    private byte _version;
    private Timestamp _changed;

    public Octets Bake(Octets nonce, IPAddress source, IkeSpi spi, Timestamp now)
    {
        var secret = Current(now);
        return IkeCookie.Compute(_version, secret, nonce.Span, source, spi);
    }

    public bool IsOurs(Octets cookie, Octets nonce, IPAddress source, IkeSpi spi, Timestamp now)
    {
        var current = Current(now);
        if (IkeCookie.VersionOf(cookie) is not { } version) return false;
        var secret = version == _version ? current : version == (byte)(_version - 1) ? _previous : null;
        return secret is not null && IkeCookie.Verify(cookie, secret, nonce.Span, source, spi);
    }

    public void Dispose()
    {
        _current?.Dispose();
        _previous?.Dispose();
    }

    private Secret Current(Timestamp now)
    {
        if (_current is not null && now - _changed < _life) return _current;
        // After two lives without use the one before is too old as well.
        var keep = _current is not null && now - _changed < _life * 2;
        _previous?.Dispose();
        _previous = keep ? _current : null;
        if (!keep) _current?.Dispose();
        _current = Secret.Allocate(32, out var bytes);
        entropy.Fill(bytes);
        _version++;
        _changed = now;
        return _current;
    }
}
