using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;

namespace Gateway.Host.Journal.EventStore;

/// <summary>One node of the store: gRPC calls over HTTP/2, and what their ends mean.</summary>
internal sealed class StoreNode : IDisposable
{
    private readonly EventStoreUri _uri;
    private readonly HttpClient _http;
    private readonly X509Certificate2Collection _trusted;
    private readonly X509Certificate2? _own;

    public StoreNode(EventStoreUri uri, StoreEndpoint endpoint)
    {
        (_uri, Endpoint) = (uri, endpoint);
        try
        {
            _trusted = [];
            if (uri.TlsCaFile is { } authority) _trusted.ImportFromPemFile(authority);
            _own = uri.UserCertFile is { } certificate ? X509Certificate2.CreateFromPemFile(certificate, uri.UserKeyFile) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new StoreException(StoreFailure.Certificate, GrpcStatus.Unauthenticated, $"A certificate's file cannot be read: {e.Message}", e);
        }

        var ssl = new SslClientAuthenticationOptions { TargetHost = endpoint.Host };
        if (!uri.TlsVerifyCert || _trusted.Count > 0) ssl.RemoteCertificateValidationCallback = Validate;
        if (_own is not null) ssl.ClientCertificates = [_own];
        _http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = ssl,
            ConnectTimeout = TimeSpan.FromSeconds(3),
            EnableMultipleHttp2Connections = true,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            KeepAlivePingDelay = uri.KeepAliveInterval,
            KeepAlivePingTimeout = uri.KeepAliveTimeout,
            InitialHttp2StreamWindowSize = 1024 * 1024,
            AutomaticDecompression = DecompressionMethods.None,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
        })
        {
            BaseAddress = new Uri($"{(uri.Tls ? "https" : "http")}://{endpoint}/"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public StoreEndpoint Endpoint { get; }

    /// <summary>A call with one answer.</summary>
    /// <exception cref="StoreException">It failed; <see cref="StoreException.Failure"/> says whether it may have had its effect.</exception>
    public async Task<T> CallAsync<T>(string method, byte[] frames, MessageParser<T> parser, bool leader, TimeSpan deadline, CancellationToken stop)
        where T : IMessage<T>
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(deadline);
        try
        {
            using var response = await SendAsync(method, frames, leader, deadline, patience.Token).ConfigureAwait(false);
            var body = await response.Content.ReadAsStreamAsync(patience.Token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
            {
                var message = await GrpcFrames.ReadAsync(body, patience.Token).ConfigureAwait(false);
                while (await GrpcFrames.ReadAsync(body, patience.Token).ConfigureAwait(false) is not null)
                {
                }

                ThrowUnlessOk(response.TrailingHeaders);
                return message is not null ? parser.ParseFrom(message) : throw new StoreException(StoreFailure.Unclear, GrpcStatus.Internal, $"{Endpoint} answered nothing.");
            }
        }
        catch (Exception e) when (!stop.IsCancellationRequested && Translate(e) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>A call with a stream of answers. Between two answers may pass at most <paramref name="idle"/>; infinite for subscriptions, whose connection is pinged instead.</summary>
    public async IAsyncEnumerable<T> StreamAsync<T>(
        string method, byte[] frames, MessageParser<T> parser, bool leader, TimeSpan idle, [EnumeratorCancellation] CancellationToken stop)
        where T : IMessage<T>
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(idle);
        using var response = await Guard(SendAsync(method, frames, leader, Timeout.InfiniteTimeSpan, patience.Token), stop).ConfigureAwait(false);
        var body = await Guard(response.Content.ReadAsStreamAsync(patience.Token), stop).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            while (true)
            {
                patience.CancelAfter(idle);
                var message = await Guard(NextAsync(body, parser, patience.Token), stop).ConfigureAwait(false);
                if (message is null) break;
                yield return message;
            }
        }

        ThrowUnlessOk(response.TrailingHeaders);
    }

    public void Dispose()
    {
        _http.Dispose();
        foreach (var certificate in _trusted) certificate.Dispose();
        _own?.Dispose();
    }

    private static async Task<T?> NextAsync<T>(Stream body, MessageParser<T> parser, CancellationToken stop)
        where T : IMessage<T>
    {
        var message = await GrpcFrames.ReadAsync(body, stop).ConfigureAwait(false);
        return message is null ? default : parser.ParseFrom(message);
    }

    private async Task<T> Guard<T>(Task<T> task, CancellationToken stop)
    {
        try
        {
            return await task.ConfigureAwait(false);
        }
        catch (Exception e) when (!stop.IsCancellationRequested && Translate(e) is { } failure)
        {
            throw failure;
        }
    }

    private async Task<HttpResponseMessage> SendAsync(string method, byte[] frames, bool leader, TimeSpan deadline, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, method) { Content = new ByteArrayContent(frames) };
        request.Version = HttpVersion.Version20;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Headers.TryAddWithoutValidation("connection-name", "gateway");
        if (leader) request.Headers.TryAddWithoutValidation("requires-leader", "true");
        if (deadline > TimeSpan.Zero) request.Headers.TryAddWithoutValidation("grpc-timeout", string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, (long)deadline.TotalMilliseconds)}m"));
        try
        {
            if (_uri.Authorization() is { } authorization) request.Headers.TryAddWithoutValidation("authorization", authorization);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(StoreFailure.Denied, GrpcStatus.Unauthenticated, $"The password's file cannot be read: {e.Message}", e);
        }

        var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop).ConfigureAwait(false);
        try
        {
            if (response.StatusCode != HttpStatusCode.OK) throw OfHttp(response.StatusCode);
            // An error without any message is told in the headers.
            if (response.Headers.Contains("grpc-status")) ThrowUnlessOk(response.Headers);
            if (response.Content.Headers.ContentType?.MediaType?.StartsWith("application/grpc", StringComparison.Ordinal) != true)
                throw new StoreException(StoreFailure.Refused, GrpcStatus.Unimplemented, $"{Endpoint} does not speak gRPC.");
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private void ThrowUnlessOk(HttpResponseHeaders headers)
    {
        if (!int.TryParse(Header(headers, "grpc-status"), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw new StoreException(StoreFailure.Unclear, GrpcStatus.Unknown, $"The answer of {Endpoint} was cut off.");
        var status = (GrpcStatus)number;
        if (status == GrpcStatus.Ok) return;
        var said = Uri.UnescapeDataString(Header(headers, "grpc-message") ?? "");
        var exception = Header(headers, "exception");
        var leader = Header(headers, "leader-endpoint-host") is { Length: > 0 } host && int.TryParse(Header(headers, "leader-endpoint-port"), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? new StoreEndpoint(host, port)
            : (StoreEndpoint?)null;
        throw new StoreException(Meaning(status, exception), status, $"{Endpoint}: {(said.Length > 0 ? said : exception ?? status.ToString())}")
        {
            Leader = leader,
            MaxAppendSize = int.TryParse(Header(headers, "maximum-append-size"), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : null,
        };
    }

    private static StoreFailure Meaning(GrpcStatus status, string? exception) => (status, exception) switch
    {
        (_, "not-leader") => StoreFailure.NotLeader,
        (_, "access-denied") => StoreFailure.Denied,
        (_, "stream-deleted") => StoreFailure.StreamDeleted,
        (_, "maximum-append-size-exceeded") => StoreFailure.TooLarge,
        (GrpcStatus.Unauthenticated or GrpcStatus.PermissionDenied, _) => StoreFailure.Denied,
        (GrpcStatus.InvalidArgument or GrpcStatus.Unimplemented or GrpcStatus.OutOfRange or GrpcStatus.AlreadyExists or GrpcStatus.FailedPrecondition, _) => StoreFailure.Refused,
        // A store that is starting, stopping or too busy, and one that gave up in the midst of it, say the same.
        _ => StoreFailure.Unclear,
    };

    private StoreException OfHttp(HttpStatusCode code) => code switch
    {
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new StoreException(StoreFailure.Denied, GrpcStatus.Unauthenticated, $"{Endpoint} refuses the credentials."),
        HttpStatusCode.NotFound => new StoreException(StoreFailure.Refused, GrpcStatus.Unimplemented, $"{Endpoint} does not know the call: is it an event store?"),
        _ => new StoreException(StoreFailure.Unclear, GrpcStatus.Unavailable, $"{Endpoint} answered with HTTP status {(int)code}."),
    };

    private StoreException? Translate(Exception e) => e switch
    {
        StoreException => null,
        OperationCanceledException => new StoreException(StoreFailure.Unclear, GrpcStatus.DeadlineExceeded, $"{Endpoint} did not answer in time.", e),
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } http when Root(http) is AuthenticationException auth =>
            new StoreException(StoreFailure.Certificate, GrpcStatus.Unauthenticated, $"TLS with {Endpoint} fails: {auth.Message}", e),
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError } =>
            new StoreException(StoreFailure.NotSent, GrpcStatus.Unavailable, $"{Endpoint} cannot be reached: {Root(e).Message}", e),
        HttpRequestException { HttpRequestError: HttpRequestError.VersionNegotiationError } =>
            new StoreException(StoreFailure.NotSent, GrpcStatus.Unavailable, $"{Endpoint} does not speak HTTP/2.", e),
        HttpRequestException or IOException => new StoreException(StoreFailure.Unclear, GrpcStatus.Unavailable, $"The connection with {Endpoint} was lost: {Root(e).Message}", e),
        InvalidDataException or InvalidProtocolBufferException => new StoreException(StoreFailure.Unclear, GrpcStatus.Internal, $"{Endpoint} answered something unreadable: {e.Message}", e),
        _ => null,
    };

    private static Exception Root(Exception e) => e.InnerException is { } inner and not System.ComponentModel.Win32Exception ? Root(inner) : e;

    private static string? Header(HttpResponseHeaders headers, string name) => headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    private bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (!_uri.TlsVerifyCert) return true;
        if (certificate is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != 0) return false;
        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.AddRange(_trusted);
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        if (chain is not null) foreach (var element in chain.ChainElements) own.ChainPolicy.ExtraStore.Add(element.Certificate);
        return own.Build(certificate as X509Certificate2 ?? X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()));
    }
}
