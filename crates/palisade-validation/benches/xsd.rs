//! What it costs to hold bodies in XML to an XML Schema, beside looking through them alone.

use std::convert::Infallible;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use palisade_validation::{Validation, ValidationSettings};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

const SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:orders" xmlns:o="urn:orders"
  elementFormDefault="qualified">
  <xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}\d{6}"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Amount"><xs:restriction base="xs:decimal"><xs:minExclusive value="0"/><xs:fractionDigits value="2"/></xs:restriction></xs:simpleType>
  <xs:element name="order"><xs:complexType><xs:sequence>
    <xs:element name="customer" type="xs:token"/>
    <xs:element name="line" maxOccurs="unbounded"><xs:complexType><xs:sequence>
      <xs:element name="code" type="o:Code"/>
      <xs:element name="description" type="xs:string"/>
      <xs:element name="amount" type="o:Amount"/>
      <xs:element name="due" type="xs:date"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"#;

fn order(bytes: usize) -> Bytes {
    let line = "<line><code>AB123456</code><description>a box of bolts, hardened</description><amount>12.50</amount>\
                <due>2030-02-28</due></line>";
    let lines = line.repeat((bytes / line.len()).max(1));
    format!("<order xmlns=\"urn:orders\"><customer>Jansen</customer>{lines}</order>").into()
}

fn bodies(c: &mut Criterion) {
    let folder = std::env::temp_dir();
    let file = folder.join(format!("palisade-bench-{}.xsd", std::process::id()));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let (Ok(()), Ok(runtime)) = (std::fs::write(&file, SCHEMA), runtime) else {
        return;
    };
    let mut group = c.benchmark_group("xml");
    for bytes in [1 << 10, 16 << 10, 256 << 10] {
        let body = order(bytes);
        group.throughput(Throughput::Bytes(body.len() as u64));
        for (name, schema) in [("syntax", None), ("schema", Some(file.clone()))] {
            let mut settings = ValidationSettings::default();
            settings.schema = schema;
            let Ok(layer) = Validation::layer(&settings, &folder) else {
                return;
            };
            let service =
                ServiceBuilder::new()
                    .layer(layer)
                    .service(service_fn(|_: Request<Full<Bytes>>| async {
                        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
                    }));
            group.bench_with_input(BenchmarkId::new(name, bytes), &body, |bencher, body| {
                bencher.iter(|| {
                    let mut request = Request::new(Full::new(body.clone()));
                    *request.method_mut() = http::Method::POST;
                    let media_type = http::HeaderValue::from_static("application/xml");
                    request.headers_mut().insert("content-type", media_type);
                    let answer = runtime.block_on(service.clone().oneshot(request));
                    assert!(black_box(answer).is_ok_and(|answer| answer.status() == StatusCode::OK));
                });
            });
        }
    }
    group.finish();
    let _ = std::fs::remove_file(file);
}

criterion_group!(benches, bodies);
criterion_main!(benches);
