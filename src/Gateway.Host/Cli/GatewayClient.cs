using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Policy.Commands;

namespace Gateway.Host.Cli;

/// <summary>Speaks with a running gateway over its Unix socket.</summary>
internal sealed class GatewayClient : IDisposable
{
    private readonly HttpClient _http;
    private readonly string _socket;

    public GatewayClient(string socket)
    {
        _socket = socket;
        _http = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync }) { BaseAddress = new Uri("http://gateway"), Timeout = TimeSpan.FromMinutes(5) };
    }

    /// <summary>A question whose answer is a <typeparamref name="T"/>.</summary>
    public async Task<T> GetAsync<T>(string path, CancellationToken stop)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Get, path), stop).ConfigureAwait(false);
        var body = await response.Content.ReadAsByteArrayAsync(stop).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode) throw Refused(response, body);
        return JsonSerializer.Deserialize<T>(body, ApiJson.Options)!;
    }

    /// <summary>A request without a body whose answer is a <typeparamref name="T"/>.</summary>
    public async Task<T> PostAsync<T>(string path, CancellationToken stop)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Post, path), stop).ConfigureAwait(false);
        var body = await response.Content.ReadAsByteArrayAsync(stop).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode) throw Refused(response, body);
        return JsonSerializer.Deserialize<T>(body, ApiJson.Options)!;
    }

    /// <summary>A question whose answer goes into a file.</summary>
    public async Task DownloadAsync(string path, string file, CancellationToken stop)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Get, path), stop).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode) throw Refused(response, await response.Content.ReadAsByteArrayAsync(stop).ConfigureAwait(false));
        var output = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None);
        await using (output.ConfigureAwait(false)) await response.Content.CopyToAsync(output, stop).ConfigureAwait(false);
    }

    /// <summary>Sends a command and gives its outcome, accepted or not.</summary>
    public async Task<Outcome> CommandAsync(ReadOnlyMemory<byte> command, CancellationToken stop)
    {
        var content = new ReadOnlyMemoryContent(command);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Post, "/v1/commands") { Content = content }, stop).ConfigureAwait(false);
        var body = await response.Content.ReadAsByteArrayAsync(stop).ConfigureAwait(false);
        // These carry the outcome; the others a problem.
        if (response.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity or HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable)) throw Refused(response, body);
        return JsonSerializer.Deserialize<Outcome>(body, ApiJson.Options)!;
    }

    /// <summary>A request without a body that answers nothing.</summary>
    public async Task DoAsync(HttpMethod method, string path, CancellationToken stop)
    {
        using var response = await SendAsync(new HttpRequestMessage(method, path), stop).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode) throw Refused(response, await response.Content.ReadAsByteArrayAsync(stop).ConfigureAwait(false));
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken stop)
    {
        using (request)
        {
            try
            {
                return await _http.SendAsync(request, stop).ConfigureAwait(false);
            }
            catch (HttpRequestException e)
            {
                throw new CliException(ExitCodes.Unreachable, $"No gateway answers at {_socket}: {Why(e)}");
            }
        }
    }

    // A socket's path that is not there is told by .NET as an address that cannot be assigned.
    private static string Why(HttpRequestException failure) =>
        failure.InnerException is SocketException { SocketErrorCode: SocketError.AddressNotAvailable } ? "there is no such socket." : (failure.InnerException ?? failure).Message;

    private static CliException Refused(HttpResponseMessage response, byte[] body)
    {
        try
        {
            var problem = JsonSerializer.Deserialize<ApiProblem>(body, ApiJson.Options)!;
            return new CliException(ExitCodes.Rejected, $"{problem.Message} ({problem.Code})");
        }
        catch (JsonException)
        {
            return new CliException(ExitCodes.Rejected, $"The gateway answered {(int)response.StatusCode} {response.ReasonPhrase}.");
        }
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken stop)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socket), stop).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
