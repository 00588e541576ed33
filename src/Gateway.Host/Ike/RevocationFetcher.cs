using System.Net.Http.Headers;
using Gateway.Ike.Certificates;
using Gateway.Policy;

namespace Gateway.Host.Ike;

/// <summary>
/// Fetches revocation lists and OCSP responses over HTTP, through the host's own network stack, for IKE SAs that wait for them. A silent server costs
/// one waiting task and no thread; how many are under way at once is bounded, and so is the length of an answer.
/// </summary>
internal sealed class RevocationFetcher : IDisposable
{
    private const int MaxAtOnce = 64;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(8);

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        ConnectTimeout = TimeSpan.FromSeconds(4),
        AllowAutoRedirect = true,
        MaxAutomaticRedirections = 3,
        UseProxy = false,
        UseCookies = false,
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
    })
    {
        Timeout = _patience,
        MaxResponseContentBufferSize = RevocationList.MaxLength,
    };

    private readonly SemaphoreSlim _places = new(MaxAtOnce);

    /// <summary>What the place says; empty when it does not answer in time or not well.</summary>
    public async Task<Octets> FetchAsync(Lookup lookup, CancellationToken stop)
    {
        if (!await _places.WaitAsync(_patience, stop).ConfigureAwait(false)) return default;
        try
        {
            var uri = new Uri(lookup.Uri);
            // Only the configuration names files; certificates are read for HTTP alone.
            if (uri.IsFile) return await ReadAsync(uri.LocalPath, stop).ConfigureAwait(false);
            using var request = new HttpRequestMessage(lookup.Body.IsEmpty ? HttpMethod.Get : HttpMethod.Post, uri);
            if (!lookup.Body.IsEmpty)
            {
                // RFC 6960 appendix A.1.
                request.Content = new ReadOnlyMemoryContent(lookup.Body.Memory);
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/ocsp-request");
            }

            using var response = await _http.SendAsync(request, stop).ConfigureAwait(false);
            return response.IsSuccessStatusCode ? await response.Content.ReadAsByteArrayAsync(stop).ConfigureAwait(false) : default(Octets);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException or UriFormatException or NotSupportedException or UnauthorizedAccessException)
        {
            // No answer is an answer too.
            return default;
        }
        finally
        {
            _places.Release();
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _places.Dispose();
    }

    private static async Task<Octets> ReadAsync(string path, CancellationToken stop) =>
        new FileInfo(path) is { Exists: true, Length: <= RevocationList.MaxLength } ? await File.ReadAllBytesAsync(path, stop).ConfigureAwait(false) : default(Octets);
}
